/** A wish to stop, as the operating system brings it. */
export type StopSignals = {
  /** Resolves with the first signal. */
  first: Promise<'SIGTERM' | 'SIGINT'>
  /** Stops listening; signals then do what they do by default. The twin of one that has come still counts as the same. */
  release(): void
}

/** Ctrl-C under `npm start` arrives twice, from the terminal and from npm: within this time it is one, in milliseconds. */
const sameWishMs = 300

/** The first SIGTERM or SIGINT is a wish that the caller fulfils; a second one ends the process at once. */
export function catchStopSignals(): StopSignals {
  const names = ['SIGTERM', 'SIGINT'] as const
  let firstAt: number | undefined
  let resolveFirst: ((signal: 'SIGTERM' | 'SIGINT') => void) | undefined
  const first = new Promise<'SIGTERM' | 'SIGINT'>((resolve) => {
    resolveFirst = resolve
  })
  const forget = (): void => {
    for (const name of names) process.off(name, onSignal)
  }
  function onSignal(signal: 'SIGTERM' | 'SIGINT'): void {
    const now = performance.now()
    if (firstAt === undefined) {
      firstAt = now
      resolveFirst?.(signal)
    } else if (now - firstAt > sameWishMs) {
      forget()
      process.kill(process.pid, signal)
    }
  }
  for (const name of names) process.on(name, onSignal)
  return {
    first,
    release() {
      const leftMs = firstAt === undefined ? 0 : firstAt + sameWishMs - performance.now()
      if (leftMs <= 0) forget()
      else setTimeout(forget, leftMs).unref()
    },
  }
}
