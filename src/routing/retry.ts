import type { TurnError } from '../turn/error.ts'

/** How much one request may spend on asking again, over all providers. */
export type RetryLimits = {
  /** Repetitions, moving on not counted. */
  retries: number
  /** All pauses together. */
  totalMs: number
}

export const noRetries: RetryLimits = { retries: 0, totalMs: 0 }

const backoffMs = { first: 500, longest: 5_000 }
/** A longer wait than this is not worth it while somebody else could be asked. */
const patienceMs = 5_000

/**
 * What is left of a request's budget, in repetitions and in time. Pauses have full jitter (a random part of a ceiling that doubles),
 * so that callers that failed together do not come back together; a wait that the provider asked for is kept to and jittered upwards.
 */
export class RetryBudget {
  readonly #random: () => number
  #retries: number
  #leftMs: number
  #made = 0

  /** `random` gives numbers from 0 to 1. */
  constructor(limits: RetryLimits, random: () => number) {
    this.#random = random
    this.#retries = limits.retries
    this.#leftMs = limits.totalMs
  }

  /** The pause before the provider that failed is asked again; undefined when it is not. */
  take(error: TurnError, hasOthers: boolean): number | undefined {
    if (!error.remedy.repeats || this.#retries <= 0) return undefined
    const pauseMs = this.#pause(error.retryAfterMs)
    const limitMs = hasOthers ? Math.min(patienceMs, this.#leftMs) : this.#leftMs
    if (pauseMs > limitMs) return undefined
    this.#retries -= 1
    this.#made += 1
    this.#leftMs -= pauseMs
    return pauseMs
  }

  #pause(askedMs: number | undefined): number {
    const ceiling = Math.min(backoffMs.longest, backoffMs.first * 2 ** this.#made)
    const jitter = this.#random()
    // Nobody may come earlier than asked; all at the same moment would be as bad.
    if (askedMs !== undefined && askedMs > 0) return askedMs + 5 + jitter * Math.min(ceiling, 250)
    return jitter * ceiling
  }
}
