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
    const ends = this.#sequences
      .map((sequence) => pending.indexOf(sequence))
      .filter((index) => index >= 0)
    if (ends.length > 0) {
      this.#stopped = true
      this.#held = ''
      return pending.slice(0, Math.min(...ends))
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

/** The length of the longest end of `text` that begins `sequence`. */
function overlap(text: string, sequence: string): number {
  for (let length = Math.min(text.length, sequence.length - 1); length > 0; length--) {
    if (text.endsWith(sequence.slice(0, length))) return length
  }
  return 0
}
