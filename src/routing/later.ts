import type { Backend } from '../turn/backend.ts'

/** A backend that is still being opened: turns wait for it. Fails with what the opening fails with. */
export function later(opening: Promise<Backend>): Backend {
  opening.catch(() => {})
  return {
    name: 'later',
    async *run(turn, context) {
      const backend = await untilAborted(opening, context.signal)
      yield* backend.run(turn, context)
    },
  }
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
