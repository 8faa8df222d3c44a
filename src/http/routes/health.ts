import type { FastifyInstance } from 'fastify'
import type { HttpParts } from '../parts.ts'

/** GET /health: the process is alive; needs no key. GET /ready: whether a turn could be answered now, and if not, why. */
export function mountHealth(
  app: FastifyInstance,
  { readiness }: Pick<HttpParts, 'readiness'>,
): void {
  app.get('/health', () => ({ status: 'ok' }))
  app.get('/ready', async (_request, reply) => {
    const { ready, reasons, ...details } = await readiness()
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'not_ready', reasons, ...details })
  })
}
