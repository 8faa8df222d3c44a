import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { itemSchema, typedItems } from '../../dialects/openai-responses/item-schema.ts'
import { firstProblem } from '../../dialects/openai-chat/problem.ts'
import type { ConversationBook } from '../../responses/conversation-book.ts'
import { TurnError } from '../../turn/error.ts'
import { isAscending, pageOf } from '../item-page.ts'
import type { HttpParts } from '../parts.ts'
import type { RequestRecords } from '../request-records.ts'

/** The paths and their methods. */
export const conversationPaths = {
  '/v1/conversations': 'POST',
  '/v1/conversations/:id': 'GET, POST, DELETE',
  '/v1/conversations/:id/items': 'GET, POST',
  '/v1/conversations/:id/items/:item': 'GET, DELETE',
} as const

type Id = { Params: { id: string } }
type ItemId = { Params: { id: string; item: string } }

const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs')
const items = z.array(itemSchema)
const createSchema = z.looseObject({ metadata: metadata.nullish(), items: items.max(20).nullish() })
const changeSchema = z.looseObject({ metadata: metadata.nullable() })
const addSchema = z.looseObject({ items: items.min(1).max(20) })

/** Conversations of the caller's key, and their items. */
export function mountConversations(
  app: FastifyInstance,
  { responses, records }: Pick<HttpParts, 'responses'> & { records: RequestRecords },
): void {
  const ownerOf = (request: FastifyRequest): string => records.of(request).owner
  const book = (): ConversationBook => {
    if (responses?.keeps) return responses.conversations
    throw new TurnError('unknown_url', 'This server keeps no conversations (RESPONSE_KEEP_DAYS).')
  }
  app.post('/v1/conversations', async (request, reply) => {
    const { metadata, items } = parse(createSchema, request.body ?? {})
    return reply.send(await book().create(ownerOf(request), metadata ?? {}, items ?? []))
  })
  app.get<Id>('/v1/conversations/:id', async (request, reply) =>
    reply.send(await book().find(ownerOf(request), request.params.id)),
  )
  app.post<Id>('/v1/conversations/:id', async (request, reply) => {
    const { metadata } = parse(changeSchema, request.body)
    return reply.send(await book().change(ownerOf(request), request.params.id, metadata ?? {}))
  })
  app.delete<Id>('/v1/conversations/:id', async (request, reply) => {
    const { id } = request.params
    await book().remove(ownerOf(request), id)
    return reply.send({ id, object: 'conversation.deleted', deleted: true })
  })
  app.get<Id>('/v1/conversations/:id/items', async (request, reply) => {
    const all = await book().items(ownerOf(request), request.params.id)
    return reply.send(pageOf(isAscending(request.query) ? all : all.toReversed(), request.query))
  })
  app.post<Id>('/v1/conversations/:id/items', async (request, reply) => {
    const { items } = parse(addSchema, request.body)
    const added = await book().add(ownerOf(request), request.params.id, items)
    return reply.send(pageOf(added, {}))
  })
  app.get<ItemId>('/v1/conversations/:id/items/:item', async (request, reply) => {
    const { id, item } = request.params
    return reply.send(await book().item(ownerOf(request), id, item))
  })
  app.delete<ItemId>('/v1/conversations/:id/items/:item', async (request, reply) => {
    const { id, item } = request.params
    return reply.send(await book().removeItem(ownerOf(request), id, item))
  })
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const isObject = typeof body === 'object' && body !== null && 'items' in body
  const typed = isObject ? { ...body, items: typedItems(body.items) } : body
  const parsed = schema.safeParse(typed)
  if (!parsed.success) throw firstProblem(parsed.error, typed)
  return parsed.data
}
