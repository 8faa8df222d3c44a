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

/** Answers as before, at once, with another id and the age of now. */
export function answerRepeated(
  { hit }: RepeatedBody,
  request: FastifyRequest,
  reply: FastifyReply,
  record: RequestRecord,
): FastifyReply {
  Object.assign(record.facts, hit.facts)
  return reply
    .headers(hit.headers)
    .header('age', String(Math.floor(hit.ageMs / 1000)))
    .send(hit.body.join(request.id))
}

/** The pieces around the ids of the answer or of its chunks. In another API's own words the id is that API's, and all of it stays. */
function aroundId(written: string, id: string): WrittenBody {
  const start = idStarts.find((begin) => written.includes(`${begin}${id}"`))
  if (start === undefined) return [written]
  const [head = '', ...pieces] = written.split(`${start}${id}"`)
  const last = pieces.length - 1
  return [head + start, ...pieces.map((piece, index) => `"${piece}${index < last ? start : ''}`)]
}

/** How the dialects write their ids. */
const idStarts = ['{"id":"chatcmpl-', '{"id":"msg_']

/** Whether what goes out now is worth remembering. */
export function isHit({ headers }: AnswerFacts): boolean {
  return headers['x-cache'] === 'hit'
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
    /** The headers that say how it is written. */
    delivery: Record<string, string>
  },
): void {
  const { record, facts, bytes, written, delivery } = answer
  const { headers } = facts
  const key = headers['x-cache-key']
  if (!cache || bytes === undefined || key === undefined || !isHit(facts)) return
  // What a policy allowed is not what everybody would get.
  if (record.policy || request.headers['cache-control'] !== undefined) return
  const { content: _content, firstTokenMs: _first, ...kept } = record.facts
  cache.keep(record.owner, request.routeOptions.url ?? '', bytes, {
    key,
    headers: { ...headers, ...delivery },
    body: aroundId(written, request.id),
    facts: kept,
  })
}
