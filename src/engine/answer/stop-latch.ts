/**
 * Cuts a text before the stop sequence that is complete first, as the model would stop there. What could still become a stop sequence is held back, so nothing of one is ever
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
    const first = firstComplete(pending, this.#sequences)
    if (first !== undefined) {
      this.#stopped = true
      this.#held = ''
      return pending.slice(0, first)
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

/** Where the sequence begins that is complete first; of several that end together, the longest. */
function firstComplete(text: string, sequences: readonly string[]): number | undefined {
  const found = sequences
    .map((sequence) => ({ begin: text.indexOf(sequence), length: sequence.length }))
    .filter(({ begin }) => begin >= 0)
    .toSorted((a, b) => a.begin + a.length - (b.begin + b.length) || a.begin - b.begin)
  return found[0]?.begin
}

/** The length of the longest end of `text` that begins `sequence`. */
function overlap(text: string, sequence: string): number {
  for (let length = Math.min(text.length, sequence.length - 1); length > 0; length--) {
    if (text.endsWith(sequence.slice(0, length))) return length
  }
  return 0
}
