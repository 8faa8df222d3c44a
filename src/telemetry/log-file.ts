import { once } from 'node:events'

/** A log file that is written. */
export interface LogFile {
  write(line: string): void
  /** Resolves when every line is in the file. */
  close(): Promise<void>
}

export type LogFileOptions = {
  /** `logs/server.log` becomes `logs/server.<date>.<number>.log`. */
  file: string
  /** The most files that are kept, the current one included. */
  maxFiles: number
  /** The size at which a new file begins, such as `20m`; `k` and `b` are other units. */
  size?: string
  /** Told once when writing fails (a full disk); later lines to the file are lost. */
  onFault(error: unknown): void
}

/**
 * Opens a log file that only its owner can read, a new one each day and each `size`. Rejects when it cannot be opened.
 * It writes in this thread and at once: nothing is lost when the process dies, and rotation finds the files it counts.
 */
export async function openLogFile(options: LogFileOptions): Promise<LogFile> {
  // Loaded where a file is wanted: it would delay every start.
  const { default: buildRollingStream } = await import('pino-roll')
  const stream = await buildRollingStream({
    file: options.file,
    frequency: 'daily',
    // Without the date, numbers would begin anew each day, and the newest file would be removed as the oldest.
    dateFormat: 'yyyy-MM-dd',
    size: options.size ?? '20m',
    limit: { count: options.maxFiles, removeOtherLogFiles: true },
    mkdir: true,
    mode: 0o600,
    sync: true,
  })
  let failed = false
  stream.on('error', (error: unknown) => {
    if (!failed) options.onFault(error)
    failed = true
  })
  return {
    write(line) {
      if (!failed) stream.write(line)
    },
    async close() {
      if (failed) return
      const closed = once(stream, 'close')
      stream.end()
      await closed
    },
  }
}
