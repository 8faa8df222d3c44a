import type { TurnContext } from '../turn/backend.ts'
import { begin, unread } from '../turn/begun.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Ticket } from './breaker/breaker.ts'
import type { Candidate } from './candidates.ts'

/** An answer that has begun: what was said up to its start or beyond, and what follows. */
export type Opened = {
  provider: Candidate['provider']
  /** `start` is among them. */
  events: TurnEvent[]
  /** Absent: nothing does. */
  rest?: AsyncIterator<TurnEvent>
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
    const {
      events: said,
      failure,
      rest,
    } = context.stream ? unread(backend, turn, context) : await begin(backend, turn, context)
    if (failure) throw failure
    events.push(...said)
    if (rest && !said.some(isOutput)) await readUntilOutput(rest, events)
    if (!events.some(isOutput))
      throw new TurnError('server_error', `The backend "${backend.name}" ended without an answer.`)
    // What it says is proof enough; a probe must not hold the place for as long as an answer takes.
    ticket.succeeded()
    return rest ? { provider, events, rest } : { provider, events }
  } catch (thrown) {
    const error = TurnError.from(thrown)
    if (context.cancellation.aborted) throw error
    ticket.failed(error)
    return error
  } finally {
    ticket.released()
  }
}

async function readUntilOutput(rest: AsyncIterator<TurnEvent>, events: TurnEvent[]): Promise<void> {
  for (let step = await rest.next(); !step.done; step = await rest.next()) {
    events.push(step.value)
    if (isOutput(step.value)) return
  }
}

function isOutput({ type }: TurnEvent): boolean {
  return type !== 'notice'
}
