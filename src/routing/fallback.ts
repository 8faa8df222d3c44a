import type { Backend, TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import { allowedOf, nobodyAllowed } from './allowed.ts'
import { Asking, type AskingOptions } from './asking.ts'
import { open, type Opened } from './attempt.ts'
import { type Candidate, candidatesFor } from './candidates.ts'
import { orderOf } from './order.ts'
import type { Provider } from './provider.ts'

export type FallbackOptions = AskingOptions

/**
 * A backend that asks providers, in order, until one answers (asking.ts). Up to `start` another may answer; after it the failure belongs to
 * the answer. When nobody answers, the first failure is thrown.
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
async function* run(asked: Run, { cancellation }: TurnContext): AsyncGenerator<TurnEvent> {
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
    if (!cancellation.aborted) provider.breaker.brokeOff(error)
    throw error
  } finally {
    if (!isOver) await rest.return?.()
  }
}

/** One turn on its way through the providers. */
class Run {
  readonly #context: TurnContext
  readonly #candidates
  readonly #asking: Asking<Candidate, Opened>
  readonly #isShutOut: boolean

  constructor(
    providers: readonly Provider[],
    options: FallbackOptions,
    turn: Turn,
    context: TurnContext,
  ) {
    const allowed = allowedOf(providers, context.allowed)
    this.#context = context
    this.#isShutOut = allowed.length === 0
    this.#candidates = candidatesFor(turn, orderOf(allowed, options.random ?? Math.random))
    this.#asking = new Asking(
      {
        possible: this.#candidates.possible,
        attempt: (candidate, ticket, hasOthers) =>
          open(candidate, ticket, hasOthers ? { ...context, hasOthers } : context),
        context,
      },
      options,
    )
  }

  /** The answer of whoever gives one. Throws the error of the request when nobody does. */
  async open(): Promise<Opened> {
    if (this.#isShutOut) throw nobodyAllowed(this.#context.allowed)
    const opened = await this.#asking.first()
    if (opened) return opened
    throw this.#asking.trail.error(this.#candidates)
  }

  /** What became of each attempt so far. */
  get told(): readonly TurnEvent[] {
    return this.#asking.told
  }
}
