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
    askInOrder(providers, options, turn, context)
  return {
    name: 'fallback',
    run: (turn, context) => eventsOf(() => ask(turn, context)),
    begin: ask,
  }
}

/** What became of each attempt, and the answer of whoever gives one, up to its start; the rest follows. */
async function askInOrder(
  providers: readonly Provider[],
  options: FallbackOptions,
  turn: Turn,
  context: TurnContext,
): Promise<Begun> {
  const allowed = allowedOf(providers, context.allowed)
  if (allowed.length === 0) return { events: [], failure: nobodyAllowed(context.allowed) }
  const candidates = candidatesFor(turn, orderOf(allowed, options.random ?? Math.random))
  const asking = new Asking<Candidate, Opened>(
    {
      possible: candidates.possible,
      attempt: (candidate, ticket, hasOthers) =>
        open(candidate, ticket, hasOthers ? { ...context, hasOthers } : context),
      context,
    },
    options,
  )
  const { told } = asking
  try {
    const opened = await asking.first()
    if (!opened) return { events: told, failure: asking.trail.error(candidates) }
    const { provider, events, rest } = opened
    const begun: Begun = { events: told.length === 0 ? events : [...told, ...events] }
    if (rest) begun.rest = follow(rest, provider, context.cancellation)
    return begun
  } catch (thrown) {
    return { events: told, failure: TurnError.from(thrown) }
  }
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
