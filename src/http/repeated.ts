import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AnswerFacts } from './answer-facts.ts'
import type { CacheParts, WrittenBody } from './parts.ts'
import type { RequestRecord } from './request-records.ts'

/** In a body's place: the request was answered before, byte for byte, and so it is not read. */
export class RepeatedBody {
  readonly hit: NonNullable<ReturnType<CacheParts['find']>>

  constructor(hit: RepeatedBody['hit']) {
    this.hit = hit
  }
}

/** What a request has already been answered with; undefined when it must be read. One that says how to use the cache is read. */
export function repeatedBody(
  cache: CacheParts | undefined,
  request: FastifyRequest,
  { owner, policy }: RequestRecord,
  bytes: Uint8Array,
): RepeatedBody | undefined {
  // A policy may have changed since: what it says of the request is looked at each time.
  if (!cache || policy || request.headers['cache-control'] !== undefined) return undefined
  const hit = cache.find(owner, request.routeOptions.url ?? '', bytes)
  return hit && new RepeatedBody(hit)
}

/** Answers as before, with another id and the age of now. */
export function answerRepeated(
  { hit }: RepeatedBody,
  request: FastifyRequest,
  reply: FastifyReply,
  record: RequestRecord,
): FastifyReply {
  Object.assign(record.facts, hit.facts)
  const [head, tail] = hit.body
  return reply
    .headers(hit.headers)
    .header('age', String(Math.floor(hit.ageMs / 1000)))
    .type('application/json; charset=utf-8')
    .send(tail === undefined ? head : `${head}${request.id}${tail}`)
}

/** The answer before and after its id. In another API's own words the id is that API's, and all of it stays. */
function aroundId(written: string, id: string): WrittenBody {
  const [head = ''] = /^\{"id":"[a-z]+[-_]/.exec(written) ?? []
  if (head === '' || !written.startsWith(`${head}${id}"`)) return [written]
  return [head, written.slice(head.length + id.length)]
}

/** Remembers a hit as it goes out, for those who send the same bytes again. */
export function rememberHit(
  cache: CacheParts | undefined,
  request: FastifyRequest,
  answer: {
    record: RequestRecord
    facts: AnswerFacts
    bytes: Uint8Array | undefined
    written: string
  },
): void {
  const { record, facts, bytes, written } = answer
  const { headers } = facts
  const key = headers['x-cache-key']
  if (!cache || bytes === undefined || key === undefined || headers['x-cache'] !== 'hit') return
  if (request.headers['cache-control'] !== undefined) return
  const { content: _content, firstTokenMs: _first, ...kept } = record.facts
  cache.keep(record.owner, request.routeOptions.url ?? '', bytes, {
    key,
    headers,
    body: aroundId(written, request.id),
    facts: kept,
  })
}
