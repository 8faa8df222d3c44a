import { type ErrorCode, isErrorCode, type TurnError } from '../../turn/error.ts'
import type { OpeningRule } from './opening-rule.ts'
import {
  afterProbe,
  afterRequest,
  type BreakerState,
  closed,
  stateAt,
  type Verdict,
} from './state.ts'

export type BreakerOptions = {
  rule: OpeningRule
  /** Unix time in milliseconds. */
  now: () => number
  /** Told of each change that people should know: `closed`, `open`, `paused`, `probing`. */
  onChange?: (change: BreakerReport) => void
}

/** What people see of a breaker. */
export type BreakerReport = {
  state: BreakerState['type']
  /** Unix time in milliseconds until which nothing is let through. */
  untilMs?: number
  /** The failure that opened it or paused it. */
  code?: ErrorCode
}

/** A request that was let through; told once how it went, and nothing after that. */
export interface Ticket {
  succeeded(): void
  failed(error: TurnError): void
  /** It ended without showing anything about the provider. */
  released(): void
}

/** The pause after a 429 that does not say how long, and the bounds of one that does. */
const pauseMs = { usual: 15_000, shortest: 250, longest: 600_000 }
/** A reset time further away than this is looked at again before. */
const longestRestMs = 7 * 24 * 3_600_000

/**
 * Decides whether a provider is asked, by how it answered before. State and transitions are in state.ts, the decision to open in
 * opening-rule.ts; here is the clock, and who may still give a verdict.
 */
export class Breaker {
  readonly #options: BreakerOptions
  #state: BreakerState = closed
  #code: ErrorCode | undefined
  #probe: symbol | undefined

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** Lets a request through, or not. */
  admit(): Ticket | undefined {
    switch (this.#current().type) {
      case 'closed':
        return this.#ticket(undefined)
      case 'half-open':
        return this.#startProbe()
      case 'paused':
      case 'open':
      case 'probing':
        return undefined
    }
  }

  /** Lets a request through in any state, as a probe unless there is one: for when nobody else can be asked. */
  force(): Ticket {
    const { type } = this.#current()
    return type === 'closed' || type === 'probing' ? this.#ticket(undefined) : this.#startProbe()
  }

  /** An answer that had begun, and so had counted as a success, broke off. */
  brokeOff(error: TurnError): void {
    this.#judge(undefined, verdictOf(error, this.#options.rule), error.code)
  }

  /**
   * Takes over what was seen before a restart, or on another node. A rest that is over is none. Nobody is told: whoever saw it has told.
   */
  adopt(seen: {
    state: 'closed' | 'open' | 'paused'
    untilMs: number
    code?: string | undefined
  }): void {
    const nowMs = this.#options.now()
    const state = this.#current()
    // Whoever probes will know better in a moment.
    if (state.type === 'probing') return
    const isOver = seen.state === 'closed' || seen.untilMs <= nowMs
    if (isOver && state.type === 'closed') return
    this.#code = isErrorCode(seen.code) ? seen.code : undefined
    if (isOver) this.#state = seen.state === 'open' ? { type: 'half-open' } : closed
    else if (seen.state === 'open')
      this.#state = {
        type: 'open',
        untilMs: Math.min(seen.untilMs, nowMs + longestRestMs),
        sinceMs: nowMs,
      }
    else {
      const untilMs = Math.min(seen.untilMs, nowMs + pauseMs.longest)
      this.#state = { type: 'paused', untilMs, before: closed }
    }
  }

  /** Whether a request would be kept out just now. */
  get isShut(): boolean {
    const { type } = this.#current()
    return type === 'open' || type === 'paused' || type === 'probing'
  }

  report(): BreakerReport {
    const state = this.#current()
    const isWaiting = state.type === 'open' || state.type === 'paused'
    return {
      state: state.type,
      ...(isWaiting && { untilMs: state.untilMs }),
      ...(state.type !== 'closed' && this.#code !== undefined && { code: this.#code }),
    }
  }

  #current(): BreakerState {
    this.#state = stateAt(this.#state, this.#options.now())
    return this.#state
  }

  #startProbe(): Ticket {
    const probe = Symbol('probe')
    this.#probe = probe
    this.#become({ type: 'probing' })
    return this.#ticket(probe)
  }

  #ticket(probe: symbol | undefined): Ticket {
    return new GivenTicket(this.#options.rule, (verdict, code) => this.#judge(probe, verdict, code))
  }

  #judge(probe: symbol | undefined, verdict: Verdict, code: ErrorCode | undefined): void {
    const { now, rule } = this.#options
    const state = this.#current()
    if (probe !== undefined && probe !== this.#probe) return
    const next =
      probe === undefined
        ? afterRequest(state, verdict, now(), rule)
        : afterProbe(verdict, now(), rule)
    if (probe !== undefined) this.#probe = undefined
    if (next !== state && code !== undefined) this.#code = code
    this.#become(next)
  }

  #become(next: BreakerState): void {
    const before = this.#state.type
    this.#state = next
    if (before !== next.type && next.type !== 'half-open') this.#options.onChange?.(this.report())
  }
}

/** Gives one verdict. */
class GivenTicket implements Ticket {
  readonly #rule: OpeningRule
  #judge: ((verdict: Verdict, code?: ErrorCode) => void) | undefined

  constructor(rule: OpeningRule, judge: (verdict: Verdict, code?: ErrorCode) => void) {
    this.#rule = rule
    this.#judge = judge
  }

  succeeded(): void {
    this.#give({ type: 'success' })
  }

  failed(error: TurnError): void {
    this.#give(verdictOf(error, this.#rule), error.code)
  }

  released(): void {
    this.#give({ type: 'none' })
  }

  #give(verdict: Verdict, code?: ErrorCode): void {
    const judge = this.#judge
    this.#judge = undefined
    judge?.(verdict, code)
  }
}

function verdictOf(error: TurnError, rule: OpeningRule): Verdict {
  switch (error.remedy.breaker) {
    case 'nothing':
      return { type: 'none' }
    case 'failure':
      return { type: 'failure' }
    case 'pause': {
      const asked = error.retryAfterMs ?? pauseMs.usual
      return {
        type: 'pause',
        forMs: Math.min(Math.max(asked, pauseMs.shortest), pauseMs.longest),
      }
    }
    case 'rest':
      return {
        type: 'rest',
        forMs: Math.min(Math.max(error.retryAfterMs ?? 0, rule.restMs), longestRestMs),
      }
  }
}
