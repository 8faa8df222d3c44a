import type { ServerResponse } from 'node:http'
import { Callbacks } from './callbacks.ts'
import { Cancellation } from '../turn/cancellation.ts'
import { TurnError } from '../turn/error.ts'

/** One cancellation for everything that ends a running answer. */
export type StopSignal = {
  cancellation: Cancellation
  /** Ends what is no longer needed. */
  abort: () => void
  /** Lets go of what it listens to. */
  release: () => void
}

/** Aborts, with a `TurnError` as the reason, when the caller leaves before the answer is complete (`raw`; absent: nobody waits) or the server shuts down. */
export function stopSignal(
  raw: ServerResponse | undefined,
  shutdown: AbortSignal | undefined,
): StopSignal {
  const cancellation = new Cancellation()
  const onClose = (): void => {
    // Whole, though it may not have arrived: nothing is to be stopped.
    if (raw?.writableEnded) return
    cancellation.abort(
      new TurnError('request_cancelled', 'The caller left before the answer was complete.'),
    )
  }
  const onShutdown = (): void => {
    cancellation.abort(new TurnError('shutting_down', 'This server is stopping. Try again soon.'))
  }
  if (raw?.destroyed) onClose()
  else raw?.on('close', onClose)
  const forget = shutdown && listen(shutdown, onShutdown)
  return {
    cancellation,
    abort: () =>
      cancellation.abort(new TurnError('request_cancelled', 'The answer is not needed.')),
    release: () => {
      raw?.off('close', onClose)
      forget?.()
    },
  }
}

const listening = new WeakMap<AbortSignal, Callbacks>()

/**
 * As `addEventListener`, with one event listener for everybody: a signal looks through all of its listeners to let one go, and each
 * request that runs is one.
 */
function listen(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener()
    return () => {}
  }
  const known = listening.get(signal)
  const all = known ?? new Callbacks()
  if (!known) {
    listening.set(signal, all)
    signal.addEventListener('abort', () => all.call())
  }
  return all.add(listener)
}
