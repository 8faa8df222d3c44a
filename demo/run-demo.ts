/** Prints a line. */
export function tell(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Throws a sentence for the person who watches. */
export function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}

/**
 * Runs a demonstration to its end; exit status 1 when something did not hold. `interrupted` rejects when the person who watches has seen
 * enough, so that everything is ended all the same.
 */
export async function runDemo(
  demonstrate: (interrupted: Promise<never>) => Promise<void>,
): Promise<void> {
  try {
    await demonstrate(interruption())
  } catch (error) {
    process.exitCode = 1
    tell()
    tell(`The demonstration failed: ${reasons(error).join('\n')}`)
  }
}

function interruption(): Promise<never> {
  const interrupted = new Promise<never>((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`it was interrupted (${signal})`)))
  })
  // Outside a step nobody waits for it; the next step finds it rejected.
  interrupted.catch(() => {})
  return interrupted
}

/** The failure, and those of the clean-up after it. */
function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)]
  if (!('suppressed' in error && 'error' in error)) return [error.message]
  return [...reasons(error.suppressed), ...reasons(error.error)]
}
