import type { TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Ticket } from './breaker/breaker.ts'
import type { Candidate } from './candidates.ts'

/** An answer that has begun: what was said up to its start, and what follows. */
export type Opened = {
  provider: Candidate['provider']
  /** The last of them is `start`. */
  events: TurnEvent[]
  rest: AsyncIterator<TurnEvent>
}

/**
 * Asks one provider once, and waits until its answer begins. Gives its error if it failed before that; throws when the caller has left.
 * Notices of a provider that failed are not passed on. Tells the breaker what was seen, whatever happens.
 */
export async function open(
  { provider, turn, notices }: Candidate,
  ticket: Ticket,
  context: TurnContext,
): Promise<Opened | TurnError> {
  const { backend } = provider
  const events: TurnEvent[] = notices.map((notice) => ({ type: 'notice', notice }))
  try {
    const rest = backend.run(turn, context)[Symbol.asyncIterator]()
    for (let step = await rest.next(); !step.done; step = await rest.next()) {
      events.push(step.value)
      if (step.value.type === 'notice') continue
      // What it says is proof enough; a probe must not hold the place for as long as an answer takes.
      ticket.succeeded()
      return { provider, events, rest }
    }
    throw new TurnError('server_error', `The backend "${backend.name}" ended without an answer.`)
  } catch (thrown) {
    const error = TurnError.from(thrown)
    if (context.cancellation.aborted) throw error
    ticket.failed(error)
    return error
  } finally {
    ticket.released()
  }
}
