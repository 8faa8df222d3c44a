import type { Backend, TurnContext } from '../turn/backend.ts'
import { type ErrorCode, TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import { open, type Opened } from './attempt.ts'
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
    run: (turn, context) => run(new Run(providers, options, turn, context), context),
  }
}

/**
 * Who was asked, and the answer to its end. One generator for all of it: each layer costs every event of a stream its time. What fails
 * now is the answer's own, and counts against the provider unless the caller has left.
 */
async function* run(asked: Run, { signal }: TurnContext): AsyncGenerator<TurnEvent> {
  const opened = await asked.open().catch((thrown: unknown) => TurnError.from(thrown))
  for (const told of asked.told) yield told
  if (opened instanceof TurnError) throw opened
  const { provider, events, rest } = opened
  let isOver = false
  try {
    for (const event of events) yield event
    for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value
    isOver = true
  } catch (thrown) {
    isOver = true
    const error = TurnError.from(thrown)
    if (!signal.aborted) provider.breaker.brokeOff(error)
    throw error
  } finally {
    if (!isOver) await rest.return?.()
  }
}

/** One request on its way through the providers. */
class Run {
  readonly #options: FallbackOptions
  readonly #context: TurnContext
  readonly #candidates
  readonly #budget: RetryBudget
  readonly #trail = new Trail()
  readonly #told: TurnEvent[] = []
  readonly #isShutOut: boolean
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
    this.#candidates = candidatesFor(turn, orderOf(allowedOf(providers, context), random))
    this.#isShutOut = allowedOf(providers, context).length === 0
    this.#budget = new RetryBudget(options.retries ?? noRetries, random)
  }

  /** The answer of whoever gives one. Throws the error of the request when nobody does. */
  async open(): Promise<Opened> {
    const { possible } = this.#candidates
    if (this.#isShutOut) throw nobodyAllowed(this.#context)
    for (const [index, candidate] of possible.entries()) {
      if (!this.#isBigEnough(candidate.provider)) continue
      const ticket = candidate.provider.breaker.admit()
      if (!ticket) this.#told.push(attempt(candidate.provider.backend.name, 'resting'))
      else {
        const opened = await this.#ask(candidate, ticket, index < possible.length - 1)
        if (opened) return opened
      }
    }
    const [first] = possible
    if (first && !this.#trail.hasFailures) {
      const opened = await this.#ask(first, first.provider.breaker.force(), false)
      if (opened) return opened
    }
    throw this.#trail.error(this.#candidates)
  }

  /** What became of each attempt so far. */
  get told(): readonly TurnEvent[] {
    return this.#told
  }

  /** Asks one provider, again where that is worth it, until it answers; throws what nobody else should answer. */
  async #ask(
    candidate: Candidate,
    admitted: Ticket,
    hasOthers: boolean,
  ): Promise<Opened | undefined> {
    const { provider } = candidate
    this.#tellSwitch(provider)
    for (let ticket: Ticket | undefined = admitted; ticket; ticket = provider.breaker.admit()) {
      const opened = await open(candidate, ticket, this.#context)
      if (!(opened instanceof TurnError)) {
        if (this.#trail.hasFailures) this.#told.push(attempt(provider.backend.name, 'answered'))
        return opened
      }
      const error = opened
      const isFirst = !this.#trail.hasFailures
      this.#told.push(this.#trail.failed(provider, error))
      if (!movesOn(error, provider, isFirst)) throw error
      if (error.code === 'context_length_exceeded') {
        this.#tooSmall = Math.max(this.#tooSmall ?? 0, provider.contextTokens ?? 0)
      }
      const pauseMs = provider.repeatsItself ? undefined : this.#budget.take(error, hasOthers)
      if (pauseMs === undefined) return undefined
      await (this.#options.sleep ?? sleep)(pauseMs, this.#context.signal)
    }
    return undefined
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

/** Those by whom the caller's key may be answered. */
function allowedOf(providers: readonly Provider[], { allowed }: TurnContext): readonly Provider[] {
  const names = allowed?.providers
  return names ? providers.filter(({ backend }) => names.includes(backend.name)) : providers
}

function nobodyAllowed({ allowed }: TurnContext): TurnError {
  const names = allowed?.providers?.join(', ') || 'nobody'
  return new TurnError(
    'forbidden',
    `This API key may be answered by ${names} only, and this server has no such provider.`,
  )
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
