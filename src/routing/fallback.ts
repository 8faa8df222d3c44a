import type { Backend, Begun, TurnContext } from '../turn/backend.ts'
import { eventsOf } from '../turn/begun.ts'
import type { Cancellation } from '../turn/cancellation.ts'
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
  const ask = (turn: Turn, context: TurnContext): Promise<Begun> =>
    begin(new Run(providers, options, turn, context), context)
  return {
    name: 'fallback',
    run: (turn, context) => eventsOf(() => ask(turn, context)),
    begin: ask,
  }
}

/** Who was asked, and the answer up to its start; who answers gives the rest. */
async function begin(asked: Run, { cancellation }: TurnContext): Promise<Begun> {
  const opened = await asked.open().catch((thrown: unknown) => TurnError.from(thrown))
  const { told } = asked
  if (opened instanceof TurnError) return { events: told, failure: opened }
  const { provider, events, rest } = opened
  const begun: Begun = { events: told.length === 0 ? events : [...told, ...events] }
  if (rest) begun.rest = follow(rest, provider, cancellation)
  return begun
}

/** What fails now is the answer's own, and counts against the provider unless the caller has left. Not a generator: every event passes here. */
function follow(
  rest: AsyncIterator<TurnEvent>,
  { breaker }: Provider,
  cancellation: Cancellation,
): AsyncIterator<TurnEvent> {
  return {
    next: () =>
      rest.next().catch((thrown: unknown) => {
        const error = TurnError.from(thrown)
        if (!cancellation.aborted) breaker.brokeOff(error)
        throw error
      }),
    async return() {
      await rest.return?.()
      return { done: true, value: undefined }
    },
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
