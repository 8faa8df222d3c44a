/** Where a command speaks: one call a line. */
export interface Console {
  /** What was asked for. */
  out(line: string): void
  /** What is said beside it: problems, and words to the person who waits. */
  err(line: string): void
}

export const processConsole: Console = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
}
