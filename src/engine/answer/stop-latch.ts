/**
 * Cuts a text before the stop sequence that is complete first, as the model would stop there. What could still become a stop sequence is held back, so nothing of one is ever
 * let through, wherever the pieces of text are split.
 */
export class StopLatch {
  readonly #sequences: readonly string[]
  #held = ''
  #stoppedBy: string | undefined

  constructor(sequences: readonly string[]) {
    this.#sequences = sequences.filter((sequence) => sequence !== '')
  }

  get stopped(): boolean {
    return this.#stoppedBy !== undefined
  }

  /** The sequence that ended the text. */
  get stoppedBy(): string | undefined {
    return this.#stoppedBy
  }

  /** The part of the text so far that may be let through now. */
  push(text: string): string {
    if (this.stopped) return ''
    const pending = this.#held + text
    const first = firstComplete(pending, this.#sequences)
    if (first !== undefined) {
      this.#stoppedBy = first.sequence
      this.#held = ''
      return pending.slice(0, first.begin)
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

/** The sequence that is complete first, and where it begins; of several that end together, the longest. */
function firstComplete(
  text: string,
  sequences: readonly string[],
): { sequence: string; begin: number } | undefined {
  const found = sequences
    .map((sequence) => ({ sequence, begin: text.indexOf(sequence) }))
    .filter(({ begin }) => begin >= 0)
    .toSorted((a, b) => endOf(a) - endOf(b) || a.begin - b.begin)
  return found[0]
}

function endOf({ sequence, begin }: { sequence: string; begin: number }): number {
  return begin + sequence.length
}

/** The length of the longest end of `text` that begins `sequence`. */
function overlap(text: string, sequence: string): number {
  for (let length = Math.min(text.length, sequence.length - 1); length > 0; length--) {
    if (text.endsWith(sequence.slice(0, length))) return length
  }
  return 0
}
