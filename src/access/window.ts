import type { Meter, Reservation } from '../storage/parts/meters.ts'
import type { KeyLimits } from './policy.ts'

/** What a request will use at the most, as far as one can tell before; money in millionths of a dollar. */
export type Bound = { tokens: number; turns: number; micros: number }

/** What it has used. */
export type Bill = { tokens: number; micros: number }

export type Refusal = {
  limit: 'requests' | 'tokens' | 'turns' | 'day' | 'month'
  /** When it could be let in, if nothing else happens; absent: nobody knows. */
  waitMs?: number
}

export type Admission = { meter: Meter; reservation?: Reservation; refusal?: Refusal }

const minuteMs = 60_000
const dayMs = 86_400_000

/** The meter as of a time: buckets leak, a new day and a new month begin at nothing. */
export function advance(meter: Meter, limits: KeyLimits, nowMs: number): Meter {
  // The clock of a database may be set back: nothing is forgotten for that, and nothing leaks.
  const atMs = Math.max(meter.atMs, nowMs)
  const passed = atMs - meter.atMs
  const { day, month } = dateOf(atMs)
  return {
    ...meter,
    atMs,
    requests: leaked(meter.requests, limits.requests_per_minute, passed),
    tokens: leaked(meter.tokens, limits.tokens_per_minute, passed),
    day,
    dayMicros: day === meter.day ? meter.dayMicros : 0,
    month,
    monthMicros: month === meter.month ? meter.monthMicros : 0,
  }
}

/**
 * Lets a request in, and sets aside what it may use, or says which limit it meets. A budget lets in for as long as it is not all spent or
 * set aside, so it is passed by one reservation at the most.
 */
export function admit(
  before: Meter,
  limits: KeyLimits,
  bound: Bound,
  nowMs: number,
  expired: readonly Reservation[] = [],
): Admission {
  const meter = expired.reduce(released, advance(before, limits, nowMs))
  const refusal = refusalOf(meter, limits, bound)
  if (refusal) return { meter, refusal }
  const tokens = askedTokens(limits, bound)
  return {
    meter: {
      ...meter,
      requests: meter.requests + 1,
      tokens: meter.tokens + tokens,
      turns: meter.turns + bound.turns,
      dayMicros: meter.dayMicros + bound.micros,
      monthMicros: meter.monthMicros + bound.micros,
    },
    reservation: {
      day: meter.day,
      month: meter.month,
      tokens,
      turns: bound.turns,
      micros: bound.micros,
    },
  }
}

/** Puts what was used in the place of what was set aside. */
export function settle(
  before: Meter,
  limits: KeyLimits,
  reservation: Reservation | undefined,
  bill: Bill,
  nowMs: number,
): Meter {
  const now = advance(before, limits, nowMs)
  const meter = reservation ? released(now, reservation) : now
  return {
    ...meter,
    tokens: meter.tokens + bill.tokens,
    // What began on another day is paid on this one.
    dayMicros: meter.dayMicros + bill.micros,
    monthMicros: meter.monthMicros + bill.micros,
  }
}

/** Gives back what was set aside. */
export function released(meter: Meter, { day, month, tokens, turns, micros }: Reservation): Meter {
  return {
    ...meter,
    tokens: Math.max(0, meter.tokens - tokens),
    turns: Math.max(0, meter.turns - turns),
    dayMicros: day === meter.day ? Math.max(0, meter.dayMicros - micros) : meter.dayMicros,
    monthMicros:
      month === meter.month ? Math.max(0, meter.monthMicros - micros) : meter.monthMicros,
  }
}

function refusalOf(meter: Meter, limits: KeyLimits, bound: Bound): Refusal | undefined {
  const { usd_per_day: day, usd_per_month: month, turns_at_once: turns } = limits
  if (month !== undefined && meter.monthMicros >= toMicros(month))
    return { limit: 'month', waitMs: startOfNextMonth(meter.atMs) - meter.atMs }
  if (day !== undefined && meter.dayMicros >= toMicros(day))
    return { limit: 'day', waitMs: (meter.day + 1) * dayMs - meter.atMs }
  const requests = waitFor(meter.requests, 1, limits.requests_per_minute)
  if (requests > 0) return { limit: 'requests', waitMs: requests }
  const tokens = waitFor(meter.tokens, askedTokens(limits, bound), limits.tokens_per_minute)
  if (tokens > 0) return { limit: 'tokens', waitMs: tokens }
  if (turns !== undefined && meter.turns + bound.turns > turns) return { limit: 'turns' }
  return undefined
}

/** A request that is larger than the whole limit is let in when nothing else is used. */
function askedTokens(
  { tokens_per_minute: limit = Infinity }: KeyLimits,
  { tokens }: Bound,
): number {
  return Math.min(tokens, limit)
}

/** How long until so much more fits into the bucket. */
function waitFor(used: number, more: number, limit: number | undefined): number {
  if (limit === undefined) return 0
  const over = used + more - limit
  // Fractions of what leaks in a millisecond are no reason.
  return over <= 1e-9 ? 0 : Math.ceil((over * minuteMs) / limit)
}

function leaked(used: number, limit: number | undefined, passedMs: number): number {
  return limit === undefined ? 0 : Math.max(0, used - (limit * passedMs) / minuteMs)
}

export function toMicros(usd: number): number {
  return Math.round(usd * 1_000_000)
}

function dateOf(ms: number): { day: number; month: number } {
  const date = new Date(ms)
  return {
    day: Math.floor(ms / dayMs),
    month: date.getUTCFullYear() * 12 + date.getUTCMonth(),
  }
}

function startOfNextMonth(ms: number): number {
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}
