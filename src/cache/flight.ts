import { Cancellation } from '../turn/cancellation.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'

/** One who reads a turn that others read as well; `at` counts from the turn's first event. */
type Reader = { at: number; wake: (() => void) | undefined }

/** How the turn of a flight is run: it ends when the flight does. */
export type Run = (cancellation: Cancellation) => AsyncIterable<TurnEvent>

/**
 * One turn for everybody who asks the same at the same time. Each reader gets all events from the first on, at its own speed; the turn
 * is pulled by whoever is ahead. A reader that leaves takes only itself away: the turn is stopped when the last has left. Once it
 * is larger than `largestBytes` nobody can join, and what everybody has read is let go.
 */
export class Flight {
  readonly #cancellation = new Cancellation()
  readonly #iterator: AsyncIterator<TurnEvent>
  readonly #sizeOf: (event: TurnEvent) => number
  readonly #largestBytes: number
  readonly #readers = new Set<Reader>()
  readonly #onEnd: (events: readonly TurnEvent[] | undefined) => void
  #events: TurnEvent[] = []
  /** How many events were let go before the first that is kept. */
  #gone = 0
  #bytes = 0
  #isPulling = false
  #end: { error?: unknown } | undefined

  /** `onEnd` is told once: all events of an answer that came to its end, undefined of every other, and of one that grew too large. */
  constructor(
    run: Run,
    options: {
      largestBytes: number
      sizeOf: (event: TurnEvent) => number
      onEnd: (events: readonly TurnEvent[] | undefined) => void
    },
  ) {
    this.#iterator = run(this.#cancellation)[Symbol.asyncIterator]()
    this.#largestBytes = options.largestBytes
    this.#sizeOf = options.sizeOf
    let isTold = false
    this.#onEnd = (events) => {
      if (isTold) return
      isTold = true
      options.onEnd(events)
    }
  }

  /** `first`, and then the events, for one more reader, who counts from the first pull on. */
  async *read(caller: Cancellation, first: TurnEvent): AsyncGenerator<TurnEvent> {
    const reader: Reader = { at: 0, wake: undefined }
    this.#readers.add(reader)
    const onAbort = (): void => {
      this.#leave(reader, caller.reason)
      reader.wake?.()
    }
    if (caller.aborted) onAbort()
    else caller.once('abort', onAbort)
    try {
      yield first
      for (;;) {
        if (caller.aborted) throw TurnError.from(caller.reason)
        const event = this.#events[reader.at - this.#gone]
        if (event) {
          reader.at += 1
          this.#trim()
          yield event
        } else if (this.#end) {
          if ('error' in this.#end) throw this.#end.error
          return
        } else await this.#more(reader)
      }
    } finally {
      caller.off('abort', onAbort)
      this.#leave(reader, new TurnError('request_cancelled', 'Nobody reads the answer any more.'))
    }
  }

  /** Resolves when there is another event, the end, or the reader's own departure. */
  #more(reader: Reader): Promise<void> {
    return new Promise((resolve) => {
      reader.wake = () => {
        reader.wake = undefined
        resolve()
      }
      if (!this.#isPulling) void this.#pull()
    })
  }

  async #pull(): Promise<void> {
    this.#isPulling = true
    try {
      const step = await this.#iterator.next()
      if (step.done) this.#finish({})
      else this.#add(step.value)
    } catch (error) {
      this.#finish({ error })
    }
    this.#isPulling = false
    for (const { wake } of this.#readers) wake?.()
  }

  #add(event: TurnEvent): void {
    this.#events.push(event)
    this.#bytes += this.#sizeOf(event)
    if (this.#isTooLarge) this.#onEnd(undefined)
  }

  #finish(end: { error?: unknown }): void {
    this.#end = end
    this.#onEnd('error' in end ? undefined : this.#events)
  }

  get #isTooLarge(): boolean {
    return this.#bytes > this.#largestBytes
  }

  #trim(): void {
    if (!this.#isTooLarge) return
    const behind = Math.min(...[...this.#readers].map(({ at }) => at))
    if (behind <= this.#gone) return
    this.#events = this.#events.slice(behind - this.#gone)
    this.#gone = behind
  }

  #leave(reader: Reader, reason: unknown): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0 || this.#end) return
    this.#onEnd(undefined)
    this.#cancellation.abort(reason)
    // Frees what the turn holds; its failure is nobody's any more.
    void Promise.resolve(this.#iterator.return?.()).catch(() => undefined)
  }
}
