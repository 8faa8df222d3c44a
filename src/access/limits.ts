import { randomUUID } from 'node:crypto'
import type { Meter, Meters } from '../storage/parts/meters.ts'
import type { Telemetry } from '../telemetry/events.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import { budgetOf, type KeyLimits } from './policy.ts'
import { Tab } from './tab.ts'
import { admit, type Bound, type Refusal, released, settle, toMicros } from './window.ts'

/** A server that is killed leaves what it set aside for so long. */
const leaseMs = 60_000
const renewMs = 20_000
/** The most reservations of one write. */
const renewedAtOnce = 500

export type LimiterOptions = {
  /** Resolves when the storage is open. */
  meters: Promise<Meters>
  telemetry: Pick<Telemetry, 'fault'>
}

/** How a request stands to its key's limits; `admitted` or `refusal`. */
export type Standing = {
  limits: KeyLimits
  /** With what this request has set aside. */
  meter: Meter
  admitted?: Admitted
  refusal?: TurnError
}

/** A request that was let in. `finish` once it is over, however it ends. */
export type Admitted = {
  push(choice: number, event: TurnEvent): void
  finish(): void
}

/** Holds keys to their limits, over all nodes: sets aside before a turn, and settles after it. */
export class Limiter {
  readonly #options: LimiterOptions
  readonly #open = new Set<string>()
  /** Writes under way, so that an answer's end is counted before its reader's next request. */
  readonly #settling = new Map<string, Promise<unknown>>()
  readonly #timer: NodeJS.Timeout

  constructor(options: LimiterOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#renew(), renewMs)
    this.#timer.unref()
  }

  /** Throws `storage_unavailable` where nobody can say how much the key has used. */
  async admit(keyId: string, limits: KeyLimits, bound: Bound, choices: number): Promise<Standing> {
    await this.#settling.get(keyId)
    const meters = await this.#options.meters
    const id = randomUUID()
    const { meter, refusal } = await meters.reserve(
      keyId,
      { id, leaseMs },
      (before, expired, nowMs) => admit(before, limits, bound, nowMs, expired),
    )
    if (refusal) return { limits, meter, refusal: errorOf(refusal, limits) }
    this.#open.add(id)
    return { limits, meter, admitted: this.#admitted(id, keyId, limits, bound, choices) }
  }

  /** Gives back what a server that was killed had set aside for keys that ask nothing more. */
  async clean(): Promise<void> {
    const meters = await this.#options.meters
    while (await meters.release((meter, expired) => expired.reduce(released, meter)));
  }

  /** When what is over has been counted. */
  async settled(): Promise<void> {
    await Promise.all(this.#settling.values())
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.settled()
  }

  #admitted(id: string, keyId: string, limits: KeyLimits, bound: Bound, choices: number): Admitted {
    const tab = new Tab(choices)
    const finish = (): void => {
      if (!this.#open.delete(id)) return
      const bill = tab.bill(bound)
      this.#track(keyId, async () => {
        const meters = await this.#options.meters
        await meters.settle(keyId, id, (meter, reservation, nowMs) =>
          settle(meter, limits, reservation, bill, nowMs),
        )
      })
    }
    return {
      push: (choice, event) => {
        tab.push(choice, event)
        // Before the reader learns that the answer is over.
        if (event.type === 'finish' && tab.isComplete) finish()
      },
      finish,
    }
  }

  #track(keyId: string, work: () => Promise<void>): void {
    const before = this.#settling.get(keyId)
    const done = Promise.all([before, work()])
      .catch((error: unknown) => this.#options.telemetry.fault(error))
      .finally(() => {
        if (this.#settling.get(keyId) === done) this.#settling.delete(keyId)
      })
    this.#settling.set(keyId, done)
  }

  async #renew(): Promise<void> {
    const ids = [...this.#open]
    try {
      const meters = await this.#options.meters
      for (let at = 0; at < ids.length; at += renewedAtOnce)
        await meters.renew(ids.slice(at, at + renewedAtOnce), leaseMs)
    } catch {
      // The storage is away and says so elsewhere; what expires meanwhile is settled all the same.
    }
  }
}

/** What a turn may use at the most, or about that: the prompt by its bytes, the answer by its own limit. */
export function boundOf(turn: Turn, choices: number, limits: KeyLimits): Bound {
  const bytes = turn.source.bytes?.length ?? JSON.stringify(turn.source.body).length
  const output = turn.limits.maxOutputTokens ?? usualOutputTokens
  const usd = Math.min(turn.claude.maxBudgetUsd ?? Infinity, budgetOf(limits) ?? 0)
  return {
    tokens: (Math.ceil(bytes / 4) + output) * choices,
    turns: choices,
    micros: toMicros(usd) * choices,
  }
}

const usualOutputTokens = 1_024

function errorOf({ limit, waitMs }: Refusal, limits: KeyLimits): TurnError {
  const details = waitMs === undefined ? { retryAfterMs: 1_000 } : { retryAfterMs: waitMs }
  switch (limit) {
    case 'requests':
      return rateLimit(`${limits.requests_per_minute} requests a minute`, details)
    case 'tokens':
      return rateLimit(`${limits.tokens_per_minute} tokens a minute`, details)
    case 'turns':
      return rateLimit(`${limits.turns_at_once} turns at once`, details)
    case 'day':
      return budget(`${limits.usd_per_day} US dollars a day`, details)
    case 'month':
      return budget(`${limits.usd_per_month} US dollars a month`, details)
  }
}

function rateLimit(limit: string, details: { retryAfterMs: number }): TurnError {
  const seconds = Math.ceil(details.retryAfterMs / 1000)
  return new TurnError(
    'rate_limit_exceeded',
    `Rate limit reached: this API key has ${limit}. Try again in ${seconds} s.`,
    details,
  )
}

function budget(limit: string, details: { retryAfterMs: number }): TurnError {
  return new TurnError(
    'insufficient_quota',
    `You exceeded your current quota: this API key has ${limit}, and they are spent or set aside for turns that run.`,
    details,
  )
}
