import type { LogOutput } from '../telemetry/log.ts'

/**
 * Writes what one turn of the event loop says as one piece: under load a system call a line is a tenth of a request's cost. Nothing is lost when
 * the process ends by itself or by a fault, since `flush` runs at its exit.
 */
export function batchedOutput(output: LogOutput): LogOutput & { flush: () => void } {
  let waiting = ''
  const flush = (): void => {
    if (waiting === '') return
    const text = waiting
    waiting = ''
    output.write(text)
  }
  return {
    ...(output.isTTY === true && { isTTY: true }),
    write(text) {
      if (waiting === '') setImmediate(flush)
      waiting += text
    },
    flush,
  }
}
