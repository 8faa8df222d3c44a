import type { TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Ticket } from './breaker/breaker.ts'
import type { Candidate } from './candidates.ts'
import { attempt } from './trail.ts'

/**
 * Asks one provider once and passes its answer on. Returns its error if it failed before the answer began; throws it afterwards, and when
 * the caller has left. Notices of a provider that failed are not passed on. Tells the breaker what was seen, whatever happens.
 */
export async function* ask(
  { provider, turn, notices }: Candidate,
  ticket: Ticket,
  context: TurnContext,
  isAfterFailure: boolean,
): AsyncGenerator<TurnEvent, TurnError | undefined> {
  const { backend, breaker } = provider
  const held: TurnEvent[] = notices.map((notice) => ({ type: 'notice', notice }))
  let isStarted = false
  try {
    for await (const event of backend.run(turn, context)) {
      if (!isStarted && event.type === 'notice') {
        held.push(event)
        continue
      }
      if (!isStarted) {
        isStarted = true
        // What it says is proof enough; a probe must not hold the place for as long as an answer takes.
        ticket.succeeded()
        if (isAfterFailure) yield attempt(backend.name, 'answered')
        yield* held
      }
      yield event
    }
    if (isStarted) return undefined
    throw new TurnError('server_error', `The backend "${backend.name}" ended without an answer.`)
  } catch (thrown) {
    const error = TurnError.from(thrown)
    if (context.signal.aborted) throw error
    if (!isStarted) {
      ticket.failed(error)
      return error
    }
    breaker.brokeOff(error)
    throw error
  } finally {
    ticket.released()
  }
}
