import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { encodeKept } from '../../dialects/openai-chat/kept-message.ts'
import type { Session } from '../../storage/parts/sessions.ts'
import { TurnError } from '../../turn/error.ts'
import type { SessionMessage } from '../../turn/session-message.ts'
import type { HttpParts, SessionParts } from '../parts.ts'
import { shownPage } from '../page.ts'
import type { RequestRecords } from '../request-records.ts'

/** The paths and their methods. */
export const sessionPaths = {
  '/v1/sessions': 'GET',
  '/v1/sessions/:id': 'GET, PATCH, DELETE',
  '/v1/sessions/:id/messages': 'GET',
  '/v1/sessions/:id/fork': 'POST',
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

const messagesSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().optional(),
  order: z.enum(['asc', 'desc']).default('asc'),
})

const forkSchema = z.strictObject({
  title: z.string().max(200).nullable().optional(),
  metadata: metadataSchema.optional(),
  up_to_message_id: z.string().optional(),
})

/**
 * The sessions of the caller's key: a list, one, what was said in it, its title and metadata, another one that goes on from it, and
 * forgetting it. Those of other keys are not there.
 */
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
  app.get<Id>('/v1/sessions/:id/messages', async (request, reply) => {
    const { id } = request.params
    const { limit, after, order } = parse(messagesSchema, request.query)
    const messages = (await partsOf(sessions).messages(id, ownerOf(request))) ?? missing(id)
    const rest = following(order === 'asc' ? messages : messages.toReversed(), after)
    return reply
      .header('cache-control', 'no-store')
      .send(shownPage(rest.slice(0, limit).map(encodeKept), rest.length > limit))
  })
  app.post<Id>('/v1/sessions/:id/fork', async (request, reply) => {
    const { id } = request.params
    const { title, metadata, up_to_message_id: upTo } = parse(forkSchema, request.body ?? {})
    const asked = {
      ...(title !== undefined && { title }),
      ...(metadata && { metadata }),
      ...(upTo !== undefined && { upTo }),
    }
    const session = await partsOf(sessions).fork(id, ownerOf(request), asked)
    return reply.send(encode(session ?? missing(id)))
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

function following(
  messages: readonly SessionMessage[],
  after: string | undefined,
): readonly SessionMessage[] {
  if (after === undefined) return messages
  const index = messages.findIndex(({ id }) => id === after)
  if (index !== -1) return messages.slice(index + 1)
  throw new TurnError(
    'invalid_value',
    `after ${JSON.stringify(after.slice(0, 100))} is no message of this session. Leave it out for the first page.`,
    { param: 'after' },
  )
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
