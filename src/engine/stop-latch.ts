/**
 * Cuts a text before the first stop sequence. What could still become a stop sequence is held back, so nothing of one is ever
 * let through, wherever the pieces of text are split.
 */
export class StopLatch {
  readonly #sequences: readonly string[]
  #held = ''
  #stopped = false

  constructor(sequences: readonly string[]) {
    this.#sequences = sequences.filter((sequence) => sequence !== '')
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** The part of the text so far that may be let through now. */
  push(text: string): string {
    if (this.#stopped) return ''
    const pending = this.#held + text
    const cut = cutOf(pending, this.#sequences)
    if (cut !== undefined) {
      this.#stopped = true
      this.#held = ''
      return pending.slice(0, cut)
    }
    const keep = Math.max(0, ...this.#sequences.map((sequence) => overlap(pending, sequence)))
    this.#held = pending.slice(pending.length - keep)
    return pending.slice(0, pending.length - keep)
  }

  /** The text ended without a stop sequence: what was held back was none. */
  flush(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}

/** Where the sequence begins that is complete first, as the text is read; of those that end together, the longest. */
function cutOf(text: string, sequences: readonly string[]): number | undefined {
  let first: { start: number; end: number } | undefined
  for (const sequence of sequences) {
    const start = text.indexOf(sequence)
    if (start < 0) continue
    const end = start + sequence.length
    if (!first || end < first.end || (end === first.end && start < first.start))
      first = { start, end }
  }
  return first?.start
}

/** The length of the longest end of `text` that begins `sequence`. */
function overlap(text: string, sequence: string): number {
  for (let length = Math.min(text.length, sequence.length - 1); length > 0; length--) {
    if (text.endsWith(sequence.slice(0, length))) return length
  }
  return 0
}
