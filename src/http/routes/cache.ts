import type { FastifyInstance } from 'fastify'
import { TurnError } from '../../turn/error.ts'
import type { HttpParts } from '../parts.ts'
import type { RequestRecords } from '../request-records.ts'

/** The paths and their methods. */
export const cachePaths = { '/v1/cache': 'GET, DELETE', '/v1/cache/:key': 'DELETE' } as const

/** GET /v1/cache shows what is kept for the caller's key, DELETE forgets it: all, or one entry. */
export function mountCache(
  app: FastifyInstance,
  { cache, records }: Pick<HttpParts, 'cache'> & { records: RequestRecords },
): void {
  app.get('/v1/cache', async (request, reply) => {
    const report = await cacheOf(cache).report(records.of(request).owner)
    return reply.header('cache-control', 'no-store').send(report)
  })
  app.delete('/v1/cache', async (request, reply) => {
    const deleted = await cacheOf(cache).clear(records.of(request).owner)
    return reply.send({ object: 'cache.deleted', deleted })
  })
  app.delete<{ Params: { key: string } }>('/v1/cache/:key', async (request, reply) => {
    const { key } = request.params
    if ((await cacheOf(cache).clear(records.of(request).owner, key)) === 0) {
      throw new TurnError('unknown_url', 'The cache has no such entry, or it is not yours.')
    }
    return reply.send({ object: 'cache.deleted', key, deleted: 1 })
  })
}

function cacheOf(cache: HttpParts['cache']): NonNullable<HttpParts['cache']> {
  if (cache) return cache
  throw new TurnError('unknown_url', 'This server has no cache.')
}
