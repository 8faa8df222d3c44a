import type { FastifyInstance } from 'fastify'
import type { HttpParts } from '../parts.ts'

/** GET /metrics: what Prometheus scrapes; asks for the key as everything does. */
export function mountMetrics(
  app: FastifyInstance,
  { metrics }: { metrics: HttpParts['metrics'] },
): void {
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics()
    return reply.type(contentType).header('cache-control', 'no-store').send(text)
  })
}
