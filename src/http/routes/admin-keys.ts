import type { FastifyInstance, FastifyReply } from 'fastify'
import * as z from 'zod'
import type { ApiKey } from '../../access/keys.ts'
import { parsePolicy } from '../../access/policy.ts'
import { shownKey } from '../../access/shown.ts'
import { TurnError } from '../../turn/error.ts'
import type { HttpParts } from '../parts.ts'

/** The paths and their methods. */
export const adminKeyPaths = {
  '/v1/admin/keys': 'GET, POST',
  '/v1/admin/keys/:id': 'GET, PATCH, DELETE',
  '/v1/admin/keys/:id/rotate': 'POST',
} as const

const shape = {
  name: z.string(),
  /** Unix seconds; null: it does not expire. */
  expires_at: z.number().int().positive().max(99_999_999_999).nullable().optional(),
  policy: z.unknown().optional(),
}
const newKey = z.strictObject(shape)
const keyChange = z.strictObject({ ...shape, name: shape.name.optional() })

type WithId = { Params: { id: string } }

/** Makes, shows, changes, rotates and revokes API keys, for whoever has the ADMIN_KEY. */
export function mountAdminKeys(
  app: FastifyInstance,
  { keyBook }: Pick<HttpParts, 'keyBook'>,
): void {
  const book = async () => {
    if (keyBook) return keyBook()
    throw new TurnError('unknown_url', 'This server keeps no keys.')
  }
  app.get('/v1/admin/keys', async (_request, reply) => {
    const keys = await (await book()).list()
    const now = Date.now()
    return unkept(reply).send({ object: 'list', data: keys.map((key) => shownKey(key, now)) })
  })
  app.post('/v1/admin/keys', async (request, reply) => {
    const { name, expires_at: expires, policy } = parse(newKey, request.body)
    const made = await (
      await book()
    ).create({
      name,
      ...(typeof expires === 'number' && { expiresMs: expires * 1000 }),
      ...(policy !== undefined && { policy: parsePolicy(policy) }),
    })
    return send(reply, made)
  })
  app.get<WithId>('/v1/admin/keys/:id', async ({ params }, reply) =>
    send(reply, await (await book()).show(params.id)),
  )
  app.patch<WithId>('/v1/admin/keys/:id', async ({ params, body }, reply) => {
    const { name, expires_at: expires, policy } = parse(keyChange, body)
    const changed = await (
      await book()
    ).change(params.id, {
      ...(name !== undefined && { name }),
      ...(expires !== undefined && { expiresMs: expires === null ? null : expires * 1000 }),
      ...(policy !== undefined && { policy: parsePolicy(policy) }),
    })
    return send(reply, changed)
  })
  app.delete<WithId>('/v1/admin/keys/:id', async ({ params }, reply) =>
    send(reply, await (await book()).revoke(params.id)),
  )
  app.post<WithId>('/v1/admin/keys/:id/rotate', async ({ params }, reply) =>
    send(reply, await (await book()).rotate(params.id)),
  )
}

function send(reply: FastifyReply, key: ApiKey): FastifyReply {
  return unkept(reply).send(shownKey(key, Date.now()))
}

/** The text of a key must not stay in a cache on the way. */
function unkept(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store')
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const param = issue?.path.join('.') || 'body'
  throw new TurnError(
    'invalid_value',
    `${param}: ${issue?.message ?? 'is not what is expected'}.`,
    {
      param,
    },
  )
}
