import type { Cancellation } from '../turn/cancellation.ts'
import { type ErrorCode, TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Ticket } from './breaker/breaker.ts'
import type { Provider } from './provider.ts'
import { noRetries, RetryBudget, type RetryLimits } from './retry.ts'
import { attempt, Trail } from './trail.ts'

/** One provider failed and another is asked. */
export type Switch = { from: string; to: string; code: ErrorCode; requestId: string }

export type AskingOptions = {
  retries?: RetryLimits
  /** From 0 to 1. */
  random?: () => number
  /** Resolves after the time; rejects when the signal aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  onSwitch?: (change: Switch) => void
}

/** What the walk has to know of a provider. */
export type Askable = {
  provider: Pick<Provider, 'breaker' | 'isClaudeCode' | 'repeatsItself' | 'contextTokens'> & {
    backend: { name: string }
  }
}

/**
 * Asks a candidate once: what it gives, or its error. Throws when the caller has left. Tells the ticket what was seen, whatever happens.
 * `hasOthers`: somebody else could be asked now.
 */
export type Attempt<C, T> = (
  candidate: C,
  ticket: Ticket,
  hasOthers: boolean,
) => Promise<T | TurnError>

export type Asked<C, T> = {
  /** Who can be asked, in order. */
  possible: readonly C[]
  attempt: Attempt<C, T>
  /** Whether the request can still be given to somebody; absent: always. */
  canRepeat?: () => boolean
  context: { cancellation: Cancellation; requestId: string }
}

/**
 * One request on its way through the providers. What happens after a failure is in turn/failure.ts: the same provider may be asked again
 * within a budget, then the next. A provider whose breaker rests is passed over, unless all rest: then the first is asked anyway.
 */
export class Asking<C extends Askable, T> {
  readonly #options: AskingOptions
  readonly #asked: Asked<C, T>
  #budget: RetryBudget | undefined
  readonly #told: TurnEvent[] = []
  readonly trail = new Trail()
  /** The largest context that was too small. */
  #tooSmall: number | undefined

  constructor(asked: Asked<C, T>, options: AskingOptions) {
    this.#asked = asked
    this.#options = options
  }

  /** What became of each attempt so far. */
  get told(): readonly TurnEvent[] {
    return this.#told
  }

  /** What somebody gave; undefined when nobody did. Throws the error that nobody else should answer. */
  async first(): Promise<T | undefined> {
    const { possible } = this.#asked
    for (const [index, candidate] of possible.entries()) {
      if (!this.#isBigEnough(candidate.provider)) continue
      const { breaker, backend } = candidate.provider
      const ticket = breaker.admit()
      if (!ticket) this.#told.push(attempt(backend.name, 'resting'))
      else {
        const given = await this.#ask(candidate, ticket, possible.slice(index + 1))
        if (given !== undefined) return given
      }
    }
    const [first] = possible
    if (!first || this.trail.hasFailures) return undefined
    return this.#ask(first, first.provider.breaker.force(), [])
  }

  /** Asks one provider, again where that is worth it, until it answers; throws what nobody else should answer. */
  async #ask(candidate: C, admitted: Ticket, others: readonly C[]): Promise<T | undefined> {
    const { provider } = candidate
    const { attempt: ask, canRepeat = () => true, context } = this.#asked
    this.#tellSwitch(provider)
    for (let ticket: Ticket | undefined = admitted; ticket; ticket = provider.breaker.admit()) {
      const given = await ask(candidate, ticket, others.some(wouldBeAsked))
      if (!(given instanceof TurnError)) {
        if (this.trail.hasFailures) this.#told.push(attempt(provider.backend.name, 'answered'))
        return given
      }
      const error = given
      const isFirst = !this.trail.hasFailures
      this.#told.push(this.trail.failed(provider, error))
      if (!movesOn(error, provider, isFirst) || !canRepeat()) throw error
      if (error.code === 'context_length_exceeded') {
        this.#tooSmall = Math.max(this.#tooSmall ?? 0, provider.contextTokens ?? 0)
      }
      const pauseMs = provider.repeatsItself ? undefined : this.#takePause(error, others.length > 0)
      if (pauseMs === undefined) return undefined
      await (this.#options.sleep ?? sleep)(pauseMs, context.cancellation.signal)
    }
    return undefined
  }

  #takePause(error: TurnError, hasOthers: boolean): number | undefined {
    const { retries = noRetries, random = Math.random } = this.#options
    this.#budget ??= new RetryBudget(retries, random)
    return this.#budget.take(error, hasOthers)
  }

  #isBigEnough({ contextTokens = 0 }: Askable['provider']): boolean {
    return this.#tooSmall === undefined || contextTokens > this.#tooSmall
  }

  #tellSwitch({ backend }: Askable['provider']): void {
    const { last } = this.trail
    if (!last) return
    const { requestId } = this.#asked.context
    this.#options.onSwitch?.({
      from: last.name,
      to: backend.name,
      code: last.error.code,
      requestId,
    })
  }
}

function wouldBeAsked({ provider }: Askable): boolean {
  return !provider.breaker.isShut
}

function movesOn({ remedy }: TurnError, provider: Askable['provider'], isFirst: boolean): boolean {
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
