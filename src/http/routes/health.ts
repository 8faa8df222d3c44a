import type { FastifyInstance } from 'fastify'
import type { HttpParts } from '../parts.ts'
import type { RequestRecords } from '../request-records.ts'

/**
 * GET /health: the process is alive; needs no key. GET /ready: whether a turn could be answered now, and if not, why; without the key only
 * whether.
 */
export function mountHealth(
  app: FastifyInstance,
  { readiness, records }: Pick<HttpParts, 'readiness'> & { records: RequestRecords },
): void {
  app.get('/health', () => ({ status: 'ok' }))
  app.get('/ready', async (request, reply) => {
    const { ready, reasons, ...details } = await readiness()
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({
        status: ready ? 'ready' : 'not_ready',
        ...(records.of(request).isProbe !== true && { reasons, ...details }),
      })
  })
}
