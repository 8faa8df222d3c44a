import type { Backend, TurnContext } from '../turn/backend.ts'
import { type ErrorCode, TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import { ask } from './attempt.ts'
import type { Ticket } from './breaker/breaker.ts'
import { type Candidate, candidatesFor } from './candidates.ts'
import { orderOf } from './order.ts'
import type { Provider } from './provider.ts'
import { noRetries, RetryBudget, type RetryLimits } from './retry.ts'
import { attempt, Trail } from './trail.ts'

/** One provider failed and another is asked. */
export type Switch = { from: string; to: string; code: ErrorCode; requestId: string }

export type FallbackOptions = {
  retries?: RetryLimits
  /** From 0 to 1. */
  random?: () => number
  /** Resolves after the time; rejects when the signal aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  onSwitch?: (change: Switch) => void
}

/**
 * A backend that asks providers, in order, until one answers. What happens after a failure is in turn/failure.ts: before `start` the same
 * provider may be asked again within a budget, then the next; after it the failure belongs to the answer. A provider whose breaker rests
 * is passed over, unless all rest: then the first is asked anyway. When nobody answers, the first failure is thrown.
 */
export function fallback(providers: readonly Provider[], options: FallbackOptions = {}): Backend {
  return {
    name: 'fallback',
    run: (turn, context) => new Run(providers, options, turn, context).events(),
  }
}

/** One request on its way through the providers. */
class Run {
  readonly #options: FallbackOptions
  readonly #context: TurnContext
  readonly #candidates
  readonly #budget: RetryBudget
  readonly #trail = new Trail()
  /** The largest context that was too small. */
  #tooSmall: number | undefined

  constructor(
    providers: readonly Provider[],
    options: FallbackOptions,
    turn: Turn,
    context: TurnContext,
  ) {
    const random = options.random ?? Math.random
    this.#options = options
    this.#context = context
    this.#candidates = candidatesFor(turn, orderOf(providers, random))
    this.#budget = new RetryBudget(options.retries ?? noRetries, random)
  }

  async *events(): AsyncGenerator<TurnEvent> {
    const { possible } = this.#candidates
    for (const [index, candidate] of possible.entries()) {
      if (!this.#isBigEnough(candidate.provider)) continue
      const ticket = candidate.provider.breaker.admit()
      if (ticket) {
        if (yield* this.#askUntilSettled(candidate, ticket, index < possible.length - 1)) return
      } else yield attempt(candidate.provider.backend.name, 'resting')
    }
    const [first] = possible
    if (first && !this.#trail.hasFailures) {
      if (yield* this.#askUntilSettled(first, first.provider.breaker.force(), false)) return
    }
    throw this.#trail.error(this.#candidates)
  }

  /** Asks one provider, again where that is worth it. Returns whether it answered; throws what nobody else should answer. */
  async *#askUntilSettled(
    candidate: Candidate,
    admitted: Ticket,
    hasOthers: boolean,
  ): AsyncGenerator<TurnEvent, boolean> {
    const { provider } = candidate
    this.#tellSwitch(provider)
    for (let ticket: Ticket | undefined = admitted; ticket; ticket = provider.breaker.admit()) {
      const error = yield* ask(candidate, ticket, this.#context, this.#trail.hasFailures)
      if (!error) return true
      const isFirst = !this.#trail.hasFailures
      yield this.#trail.failed(provider, error)
      if (!movesOn(error, provider, isFirst)) throw error
      if (error.code === 'context_length_exceeded') {
        this.#tooSmall = Math.max(this.#tooSmall ?? 0, provider.contextTokens ?? 0)
      }
      const pauseMs = provider.repeatsItself ? undefined : this.#budget.take(error, hasOthers)
      if (pauseMs === undefined) return false
      await (this.#options.sleep ?? sleep)(pauseMs, this.#context.signal)
    }
    return false
  }

  #isBigEnough({ contextTokens = 0 }: Provider): boolean {
    return this.#tooSmall === undefined || contextTokens > this.#tooSmall
  }

  #tellSwitch({ backend }: Provider): void {
    const { last } = this.#trail
    if (!last) return
    const { requestId } = this.#context
    this.#options.onSwitch?.({
      from: last.name,
      to: backend.name,
      code: last.error.code,
      requestId,
    })
  }
}

function movesOn({ remedy }: TurnError, provider: Provider, isFirst: boolean): boolean {
  switch (remedy.movesOn) {
    case 'yes':
    case 'to a bigger one':
      return true
    case 'unless Claude Code is first':
      return !(isFirst && provider.isClaudeCode)
    case 'no':
      return false
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(TurnError.from(signal.reason))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
