/**
 * A stream that can be read again from its start for as long as it is small: what was read is kept up to a limit. Only the youngest reader
 * goes on, and a reader that stops does not end the source.
 */
export class Repeatable {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #limitBytes: number
  #kept: Uint8Array[] = []
  /** How many pieces before the first that is kept were let go. */
  #gone = 0
  #size = 0
  #end: { error?: unknown } | undefined
  #pulling: Promise<void> | undefined
  #reader: symbol | undefined

  constructor(source: AsyncIterable<Uint8Array>, limitBytes: number) {
    this.#source = source[Symbol.asyncIterator]()
    this.#limitBytes = limitBytes
  }

  /** Whether all of what came so far is still there. */
  get canRepeat(): boolean {
    return this.#gone === 0
  }

  /** What the source failed with, if it did. */
  get failure(): unknown {
    return this.#end?.error
  }

  /** All of it from the start, whoever read before; throws what the source throws. */
  async *read(): AsyncGenerator<Uint8Array> {
    if (!this.canRepeat) throw new Error('What was read is gone: ask canRepeat first.')
    const reader = Symbol('reader')
    this.#reader = reader
    let at = 0
    while (this.#reader === reader) {
      const piece = this.#kept[at - this.#gone]
      if (piece) {
        at += 1
        if (this.#size > this.#limitBytes) this.#letGo(at)
        yield piece
      } else if (this.#end) {
        if ('error' in this.#end) throw this.#end.error
        return
      } else await (this.#pulling ??= this.#pull())
    }
  }

  async #pull(): Promise<void> {
    try {
      const step = await this.#source.next()
      if (step.done) this.#end = {}
      else if (step.value.length > 0) {
        this.#size += step.value.length
        this.#kept.push(step.value)
      }
    } catch (error) {
      this.#end = { error }
    }
    this.#pulling = undefined
  }

  #letGo(before: number): void {
    this.#kept = this.#kept.slice(before - this.#gone)
    this.#gone = before
  }
}
