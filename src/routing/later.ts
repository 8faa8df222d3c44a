import type { Backend, TurnContext } from '../turn/backend.ts'
import { begin } from '../turn/begun.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'

/** A backend that is still being opened: turns wait for it. Fails with what the opening fails with. */
export function later(opening: Promise<Backend>): Backend {
  let opened: Backend | undefined
  void remember()
  async function remember(): Promise<void> {
    // Whoever waits for it hears of a failure.
    opened = await opening.catch(() => undefined)
  }
  return {
    name: 'later',
    // Once it is open nothing stands between: every event of every answer would pass here.
    run: (turn, context) => opened?.run(turn, context) ?? runOnce(opening, turn, context),
    begin: (turn, context) =>
      opened ? begin(opened, turn, context) : { events: [], rest: runOnce(opening, turn, context) },
  }
}

async function* runOnce(
  opening: Promise<Backend>,
  turn: Turn,
  context: TurnContext,
): AsyncGenerator<TurnEvent> {
  const backend = await untilAborted(opening, context.cancellation.signal)
  yield* backend.run(turn, context)
}

/** The promise's value; rejects with the signal's reason when that comes first. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let leave: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (leave) signal.removeEventListener('abort', leave)
  }
}
