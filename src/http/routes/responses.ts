import type { FastifyInstance, FastifyRequest } from 'fastify'
import { openaiCompaction } from '../../dialects/openai-responses/compaction.ts'
import { openaiResponses } from '../../dialects/openai-responses/responses.ts'
import { estimateTokens } from '../../dialects/token-estimate.ts'
import { expandInputFileIds } from '../../files/input-file-ids.ts'
import type { SentContent } from '../../files/sent-content.ts'
import type { OpenedRequest, ResponseBook } from '../../responses/response-book.ts'
import { TurnError } from '../../turn/error.ts'
import {
  type DialectRouteParts,
  mountDialect,
  type Prepared,
  uploadedFiles,
} from '../dialect-route.ts'
import { BackgroundRuns } from '../background-runs.ts'
import { isAscending, pageOf } from '../item-page.ts'
import type { HttpParts } from '../parts.ts'
import { responseHeaders } from '../response-headers.ts'
import { endWith, type SocketCall } from '../sockets/socket-calls.ts'
import { mountResponseSockets } from './response-sockets.ts'
import { remember, warmUp, withQuestion } from './socket-turns.ts'

/** The paths and their methods. */
export const responsePaths = {
  '/v1/responses': 'GET, POST',
  '/v1/responses/:id': 'GET, DELETE',
  '/v1/responses/:id/input_items': 'GET',
  '/v1/responses/:id/cancel': 'POST',
  '/v1/responses/input_tokens': 'POST',
  '/v1/responses/compact': 'POST',
} as const

type Id = { Params: { id: string } }

export type ResponseRouteParts = DialectRouteParts & Pick<HttpParts, 'responses' | 'seal'>

/** Responses: asked for, found again, gone on from and forgotten. */
export function mountResponses(app: FastifyInstance, parts: ResponseRouteParts): void {
  const { responses: book } = parts
  const runs = new BackgroundRuns(parts)
  const calls = mountResponseSockets(app, parts)
  const ownerOf = (request: FastifyRequest): string => parts.records.of(request).owner
  mountDialect(
    app,
    '/v1/responses',
    openaiResponses,
    parts,
    (body, { request, reply, record, uploaded }) => {
      const call = calls.callOf(request)
      if (call) endWith(call, reply)
      const { owner } = record
      return prepare(parts, body, { owner, requestId: request.id, uploaded, runs, call })
    },
  )
  mountDialect(
    app,
    '/v1/responses/compact',
    openaiCompaction,
    parts,
    (body, { request, record, uploaded }) =>
      prepare(parts, unkept(body), { owner: record.owner, requestId: request.id, uploaded }),
  )
  app.post('/v1/responses/input_tokens', async (request, reply) => {
    const { body, blame, seal } = await prepare(parts, withInput(request.body), {
      owner: ownerOf(request),
      requestId: request.id,
      uploaded: uploadedFiles(parts, ownerOf(request)),
    })
    try {
      const { turn } = openaiResponses.decode(body, {
        strict: false,
        maxChoices: 1,
        ...(seal && { seal }),
      })
      return await reply
        .header('x-notice', 'the number of tokens is an estimate')
        .send({ object: 'response.input_tokens', input_tokens: estimateTokens(turn) })
    } catch (thrown) {
      throw blame ? blame(thrown) : thrown
    }
  })
  app.get<Id>('/v1/responses/:id', async (request, reply) => {
    const { id } = request.params
    const owner = ownerOf(request)
    const after = streamedAfter(request.query)
    if (after === undefined) {
      const response = await bookOf(book).find(owner, id)
      return reply.header('cache-control', 'no-store').send(response)
    }
    await runs.stream({ book: bookOf(book), owner, id, after }, reply, {
      ...responseHeaders(request, reply, parts.records.of(request)),
    })
  })
  app.post<Id>('/v1/responses/:id/cancel', async (request, reply) => {
    const { id } = request.params
    return reply.send(await runs.cancel(bookOf(book), ownerOf(request), id))
  })
  app.addHook('onClose', () => runs.close())
  app.delete<Id>('/v1/responses/:id', async (request, reply) => {
    const { id } = request.params
    const owner = ownerOf(request)
    await runs.stop(bookOf(book), owner, id)
    await bookOf(book).remove(owner, id)
    return reply.send({ id, object: 'response', deleted: true })
  })
  app.get<Id>('/v1/responses/:id/input_items', async (request, reply) => {
    const items = await bookOf(book).input(ownerOf(request), request.params.id)
    return reply
      .header('cache-control', 'no-store')
      .send(pageOf(isAscending(request.query) ? items : items.toReversed(), request.query))
  })
}

/** The whole conversation as the body's input, with the uploads that it names; kept with its answer. */
async function prepare(
  { responses, telemetry, seal }: ResponseRouteParts,
  body: unknown,
  {
    owner,
    requestId,
    uploaded,
    runs,
    call,
  }: {
    owner: string
    requestId: string
    uploaded: SentContent | undefined
    runs?: BackgroundRuns
    call?: SocketCall | undefined
  },
): Promise<Prepared> {
  const opened: OpenedRequest = (await responses?.open(owner, body, call?.memory)) ?? {
    body: unkept(body),
    earlier: 0,
  }
  const blame = (thrown: unknown): unknown => inOwnWords(thrown, opened.earlier)
  const expanded =
    uploaded &&
    (await expandInputFileIds(opened.body, uploaded).catch((error: unknown) => {
      throw blame(error)
    }))
  const keep = async (answer: Json, events?: readonly string[]): Promise<Json> => {
    let kept = answer
    try {
      await responses?.keep(owner, opened, answer, events)
    } catch (error) {
      // An answer that cannot be kept now is an answer all the same.
      telemetry.fault(error, requestId)
      kept = { ...answer, store: false }
    }
    if (call) remember(call.memory, opened.body, kept)
    return kept
  }
  const sealing = await seal
  const ready: Prepared = {
    body: expanded ?? opened.body,
    blame,
    ...(sealing && { seal: sealing }),
  }
  if (call?.isWarmUp)
    return { ...ready, body: withQuestion(ready.body), settle: keep, backend: warmUp }
  if (!runs || !responses || !isInBackground(body)) return { ...ready, settle: keep }
  return {
    ...ready,
    detach: async (work, _request, reply) => {
      const begin = (begun: Json): Promise<void> => responses.keep(owner, opened, begun)
      await runs.begin(
        { work, owner, begin, keep, renew: (id) => responses.renew(owner, id) },
        reply,
      )
    },
  }
}

type Json = Record<string, unknown>

function isInBackground(body: unknown): boolean {
  return (Object(body) as Json).background === true
}

/** The event behind which a stream is asked for, -1 being its beginning; undefined where none is. */
function streamedAfter(query: unknown): number | undefined {
  const { stream, starting_after: after = '-1' } = Object(query) as Json
  if (stream !== 'true') return undefined
  const event = Number(after)
  if (Number.isInteger(event) && event >= -1) return event
  throw new TurnError('invalid_value', 'starting_after must be the number of an event.', {
    param: 'starting_after',
  })
}

/** Where nothing is kept, the response says so. */
function unkept(body: unknown): unknown {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  return isObject ? { ...body, store: false } : body
}

/** Counts items from the first of the caller's own. */
function inOwnWords(thrown: unknown, earlier: number): unknown {
  if (!(thrown instanceof TurnError) || earlier === 0) return thrown
  return thrown.inOtherWords((text) =>
    text.replaceAll(/\binput\[(\d+)\]/g, (_all, index: string) =>
      Number(index) < earlier ? 'previous_response_id' : `input[${Number(index) - earlier}]`,
    ),
  )
}

/** Tokens can be counted of a request that asks nothing yet. */
function withInput(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body
  const { input } = body as { input?: unknown }
  const isAbsent = input === undefined || input === null || (Array.isArray(input) && !input.length)
  return { ...body, store: false, ...(isAbsent && { input: '' }) }
}

function bookOf(book: ResponseBook | undefined): ResponseBook {
  if (book) return book
  throw new TurnError('unknown_url', 'This server keeps no responses.')
}
