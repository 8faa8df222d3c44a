/** One event of a stream as it goes over the wire, with its place in it. */
export type RunEvent = { sequence: number; written: string }

/**
 * An answer that is made whether or not somebody reads it. Remembers its events, so that whoever comes later reads from where he likes, and
 * then along with it.
 */
export class BackgroundRun {
  readonly id: string
  readonly owner: string
  readonly #events: RunEvent[] = []
  readonly #waiting = new Set<() => void>()
  readonly #cancel: () => void
  #isOver = false
  #isCancelled = false

  /** `cancel` ends the answer; it ends as any other does, with `end`. */
  constructor(id: string, owner: string, cancel: () => void) {
    this.id = id
    this.owner = owner
    this.#cancel = cancel
  }

  get events(): readonly RunEvent[] {
    return this.#events
  }

  get isCancelled(): boolean {
    return this.#isCancelled
  }

  push(written: string): void {
    this.#events.push({ sequence: this.#events.length, written })
    this.#tell()
  }

  end(): void {
    this.#isOver = true
    this.#tell()
  }

  cancel(): void {
    if (this.#isCancelled) return
    this.#isCancelled = true
    this.#cancel()
  }

  /** The events behind one, and those to come. Ends with the answer, or when the signal says so. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<RunEvent> {
    let at = after + 1
    while (!signal.aborted) {
      const event = this.#events[at]
      if (event) {
        at++
        yield event
      } else if (this.#isOver) return
      else await this.#more(signal)
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  #tell(): void {
    for (const done of this.#waiting) done()
  }
}
