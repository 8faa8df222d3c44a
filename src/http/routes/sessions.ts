import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Session } from '../../storage/parts/sessions.ts'
import { TurnError } from '../../turn/error.ts'
import type { HttpParts, SessionParts } from '../parts.ts'
import { shownPage } from '../page.ts'
import type { RequestRecords } from '../request-records.ts'

/** The paths and their methods. */
export const sessionPaths = {
  '/v1/sessions': 'GET',
  '/v1/sessions/:id': 'GET, PATCH, DELETE',
} as const

type Id = { Params: { id: string } }

const querySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().optional(),
  working_dir: z.string().optional(),
  search: z.string().optional(),
})

/** As OpenAI's metadata: 16 pairs at the most. */
const metadataSchema = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'more than 16 pairs')

const changeSchema = z.strictObject({
  title: z.string().max(200).nullable().optional(),
  metadata: metadataSchema.optional(),
})

/** The sessions of the caller's key: a list, one, its title and metadata, and forgetting it. Those of other keys are not there. */
export function mountSessions(
  app: FastifyInstance,
  { sessions, records }: Pick<HttpParts, 'sessions'> & { records: RequestRecords },
): void {
  const ownerOf = (request: FastifyRequest): string => records.of(request).owner
  app.get('/v1/sessions', async (request, reply) => {
    const { limit, after, working_dir: folder, search } = parse(querySchema, request.query)
    const narrow = {
      ...(after !== undefined && { after }),
      ...(folder !== undefined && { folder }),
      ...(search !== undefined && { search }),
    }
    const found = await partsOf(sessions).list(ownerOf(request), { ...narrow, limit: limit + 1 })
    return reply
      .header('cache-control', 'no-store')
      .send(shownPage(found.slice(0, limit).map(encode), found.length > limit))
  })
  app.get<Id>('/v1/sessions/:id', async (request, reply) => {
    const { id } = request.params
    const session = await partsOf(sessions).find(id, ownerOf(request))
    return reply.header('cache-control', 'no-store').send(encode(session ?? missing(id)))
  })
  app.patch<Id>('/v1/sessions/:id', async (request, reply) => {
    const { id } = request.params
    const { title, metadata } = parse(changeSchema, request.body)
    const change = { ...(title !== undefined && { title }), ...(metadata && { metadata }) }
    const session = await partsOf(sessions).change(id, ownerOf(request), change)
    return reply.send(encode(session ?? missing(id)))
  })
  app.delete<Id>('/v1/sessions/:id', async (request, reply) => {
    const { id } = request.params
    const isGone = await partsOf(sessions).remove(id, ownerOf(request))
    return reply.send(isGone ? { object: 'session.deleted', id, deleted: true } : missing(id))
  })
}

/** Times are Unix time in seconds, as in OpenAI's objects. */
function encode(session: Session) {
  return {
    id: session.id,
    object: 'session',
    created_at: Math.floor(session.createdMs / 1000),
    used_at: Math.floor(session.usedMs / 1000),
    title: session.title ?? null,
    metadata: session.metadata,
    model: session.model ?? null,
    working_dir: session.folder,
    turns: session.turns,
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const param = issue?.path.join('.')
  const what = param === undefined || param === '' ? '' : `'${param}': `
  throw new TurnError('invalid_value', `${what}${issue?.message ?? 'It cannot be read.'}`, {
    ...(param !== undefined && param !== '' && { param }),
  })
}

function missing(id: string): never {
  throw new TurnError(
    'session_not_found',
    `There is no session ${JSON.stringify(id.slice(0, 100))} of yours. GET /v1/sessions lists those that there are.`,
    { param: 'id' },
  )
}

function partsOf(sessions: HttpParts['sessions']): SessionParts {
  if (sessions) return sessions
  throw new TurnError('unknown_url', 'This server keeps no sessions.')
}
