import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { firstProblem } from '../../dialects/openai-chat/problem.ts'
import { metadataSchema } from '../../dialects/openai-chat/request.ts'
import type { StoredCompletion } from '../../storage/parts/completions.ts'
import { TurnError } from '../../turn/error.ts'
import { readPage, shownPage } from '../page.ts'
import type { HttpParts } from '../parts.ts'
import type { RequestRecords } from '../request-records.ts'
import type { StoredParts } from '../stored-answer.ts'

/** The paths and their methods; asking for a completion is among the first one's. */
export const completionPaths = {
  '/v1/chat/completions': 'POST, GET',
  '/v1/chat/completions/:id': 'GET, POST, DELETE',
  '/v1/chat/completions/:id/messages': 'GET',
} as const

type ById = { Params: { id: string } }

const changeSchema = z.looseObject({
  metadata: metadataSchema.nullable(),
})

/** OpenAI's stored chat completions: list, retrieve, change the metadata, delete, and the messages that one answers. */
export function mountStoredCompletions(
  app: FastifyInstance,
  { stored, records }: Pick<HttpParts, 'stored'> & { records: RequestRecords },
): void {
  const ownerOf = (request: FastifyRequest): string => records.of(request).owner
  const open = () => partsOf(stored).completions()
  app.get('/v1/chat/completions', async (request, reply) => {
    const { limit, ...query } = readQuery(request.query)
    const completions = await open()
    const found = await completions.list(ownerOf(request), { ...query, limit: limit + 1 })
    return reply
      .header('cache-control', 'no-store')
      .send(shownPage(found.slice(0, limit).map(shown), found.length > limit))
  })
  app.get<ById>('/v1/chat/completions/:id', async (request, reply) => {
    const { id } = request.params
    const found = await (await open()).find(ownerOf(request), id)
    return reply.header('cache-control', 'no-store').send(shown(found ?? missing(id)))
  })
  app.post<ById>('/v1/chat/completions/:id', async (request, reply) => {
    const { id } = request.params
    const { data, error } = changeSchema.safeParse(request.body)
    if (error) throw firstProblem(error, request.body)
    const changed = await (await open()).setMetadata(ownerOf(request), id, data.metadata ?? {})
    return reply.send(shown(changed ?? missing(id)))
  })
  app.delete<ById>('/v1/chat/completions/:id', async (request, reply) => {
    const { id } = request.params
    if (!(await (await open()).remove(ownerOf(request), id))) missing(id)
    return reply.send({ object: 'chat.completion.deleted', id, deleted: true })
  })
  app.get<ById>('/v1/chat/completions/:id/messages', async (request, reply) => {
    const { id } = request.params
    const { limit, after, order } = readQuery(request.query)
    const messages = (await (await open()).messages(ownerOf(request), id)) ?? missing(id)
    const numbered = messages.map((message, index) => shownMessage(message, `${id}-${index}`))
    const rest = following(order === 'asc' ? numbered : numbered.toReversed(), after)
    return reply
      .header('cache-control', 'no-store')
      .send(shownPage(rest.slice(0, limit), rest.length > limit))
  })
}

/** `limit`, `after`, `order`, `model` and `metadata[…]` of a query. */
function readQuery(query: unknown) {
  const page = readPage(query, { usual: 20, most: 100 })
  const asked = Object.entries(Object(query) as Record<string, unknown>)
  const { order = 'asc', model } = Object.fromEntries(asked)
  if (order !== 'asc' && order !== 'desc') {
    throw new TurnError('invalid_value', 'order must be "asc" or "desc".', { param: 'order' })
  }
  const metadata = asked.flatMap(([name, value]): [string, string][] => {
    const key = /^metadata\[(.+)\]$/s.exec(name)?.[1]
    return key === undefined ? [] : [[key, String(value)]]
  })
  return {
    ...page,
    order: order === 'asc' ? ('asc' as const) : ('desc' as const),
    ...(typeof model === 'string' && { model }),
    metadata: Object.fromEntries(metadata),
  }
}

function shown({ id, answer, metadata }: StoredCompletion) {
  return { ...answer, id, metadata }
}

/** A message as OpenAI lists it: its text, and its parts beside it where it was written in parts. */
function shownMessage(message: unknown, id: string) {
  const { content, ...rest } = Object(message) as Record<string, unknown>
  const parts: unknown[] | undefined = Array.isArray(content) ? content : undefined
  return {
    id,
    name: null,
    ...rest,
    content: parts ? textOf(parts) : (content ?? null),
    content_parts: parts ?? null,
  }
}

function textOf(parts: readonly unknown[]): string | null {
  const texts = parts
    .map((part) => (Object(part) as { text?: unknown }).text)
    .filter((text) => typeof text === 'string')
  return texts.length === 0 ? null : texts.join('')
}

function following<Item extends { id: string }>(
  items: readonly Item[],
  after: string | undefined,
): readonly Item[] {
  if (after === undefined) return items
  const index = items.findIndex(({ id }) => id === after)
  if (index !== -1) return items.slice(index + 1)
  throw new TurnError(
    'invalid_value',
    `after ${JSON.stringify(after.slice(0, 100))} is no message of this completion. Leave it out for the first page.`,
    { param: 'after' },
  )
}

function missing(id: string): never {
  throw new TurnError(
    'completion_not_found',
    `There is no stored completion ${JSON.stringify(id.slice(0, 100))} of yours. A completion is stored where its request has \`store\`, and for so long as the owner of this server says (STORED_KEEP_DAYS).`,
    { param: 'id' },
  )
}

function partsOf(stored: StoredParts | undefined): StoredParts {
  if (stored) return stored
  throw new TurnError('unknown_url', 'This server stores no completions (STORED_KEEP_DAYS).')
}
