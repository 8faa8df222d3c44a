import type { FastifyReply } from 'fastify'
import { type Admitted, boundOf, type Limiter, type Standing } from '../access/limits.ts'
import type { DecodedRequest } from '../dialects/dialect.ts'
import type { RequestRecord } from './request-records.ts'

/** Lets a turn of a key with limits in, and says in headers how it stands to them. Throws the 429 of the limit that it meets. */
export async function admitTurn(
  limiter: Pick<Limiter, 'admit'> | undefined,
  {
    record,
    reply,
    decoded,
  }: { record: RequestRecord; reply: FastifyReply; decoded?: DecodedRequest },
): Promise<Admitted | undefined> {
  const { keyId, policy } = record
  const limits = policy?.limits
  if (!limiter || keyId === undefined || limits === undefined) return undefined
  const turns = decoded?.choices ?? 1
  // What is passed on unread is counted, and nothing of it is known.
  const bound = decoded ? boundOf(decoded.turn, turns, limits) : { tokens: 0, turns: 1, micros: 0 }
  const standing = await limiter.admit(keyId, limits, bound, turns)
  void reply.headers(limitHeaders(standing))
  if (standing.refusal) throw standing.refusal
  return standing.admitted
}

/** The headers that OpenAI has: the limit, what is left of it, and when all of it is there again. */
export function limitHeaders({ limits, meter }: Pick<Standing, 'limits' | 'meter'>) {
  const headers: Record<string, string> = {}
  const tell = (name: string, limit: number | undefined, used: number): void => {
    if (limit === undefined) return
    headers[`x-ratelimit-limit-${name}`] = String(limit)
    headers[`x-ratelimit-remaining-${name}`] = String(Math.max(0, Math.floor(limit - used)))
    headers[`x-ratelimit-reset-${name}`] = duration((used * 60_000) / limit)
  }
  tell('requests', limits.requests_per_minute, meter.requests)
  tell('tokens', limits.tokens_per_minute, meter.tokens)
  return headers
}

/** As OpenAI writes times: `12ms`, `1.5s`, `6m0s`. */
function duration(ms: number): string {
  const whole = Math.ceil(ms)
  if (whole < 1_000) return `${whole}ms`
  const seconds = Math.ceil(whole / 100) / 10
  if (seconds < 60) return `${seconds}s`
  return `${Math.floor(seconds / 60)}m${Math.round(seconds % 60)}s`
}
