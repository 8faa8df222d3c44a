import type { Backend, Begun, TurnContext } from './backend.ts'
import type { TurnEvent } from './event.ts'
import type { Turn } from './turn.ts'

/** Has a backend answer a caller that reads no stream. Rejects with what it throws. */
export function begin(backend: Backend, turn: Turn, context: TurnContext): Begun | Promise<Begun> {
  return backend.begin?.(turn, context) ?? unread(backend, turn, context)
}

/** An answer of which nothing has been pulled. */
export function unread(backend: Backend, turn: Turn, context: TurnContext): Begun {
  return { events: [], rest: backend.run(turn, context)[Symbol.asyncIterator]() }
}

/** All events of an answer, which begins at the first pull. Read once. Not a generator: every event of a stream passes here. */
export function eventsOf(start: () => Begun | Promise<Begun>): AsyncIterable<TurnEvent> {
  return { [Symbol.asyncIterator]: () => new Events(start) }
}

class Events implements AsyncIterator<TurnEvent> {
  readonly #start: () => Begun | Promise<Begun>
  #beginning: Promise<Begun> | undefined
  #begun: Begun | undefined
  #at = 0

  constructor(start: () => Begun | Promise<Begun>) {
    this.#start = start
  }

  next(): Promise<IteratorResult<TurnEvent>> {
    if (!this.#begun) return this.#first()
    // Nearly every event: what follows is read without anything between.
    const { events, failure, rest } = this.#begun
    return rest && !failure && this.#at === events.length ? rest.next() : this.#next(this.#begun)
  }

  /** Waits for a beginning that is under way: what it brings is let go of. */
  async return(): Promise<IteratorResult<TurnEvent>> {
    const begun = await this.#beginning?.catch(() => undefined)
    this.#begun = nothing
    await begun?.rest?.return?.()
    return over
  }

  async #first(): Promise<IteratorResult<TurnEvent>> {
    this.#beginning ??= this.#begin()
    const begun = await this.#beginning
    this.#begun ??= begun
    return this.#next(this.#begun)
  }

  async #begin(): Promise<Begun> {
    try {
      return await this.#start()
    } catch (thrown) {
      this.#begun = nothing
      throw thrown
    }
  }

  async #next({ events, failure, rest }: Begun): Promise<IteratorResult<TurnEvent>> {
    const event = events[this.#at]
    if (event) {
      this.#at += 1
      return { done: false, value: event }
    }
    if (failure) {
      this.#begun = nothing
      throw failure
    }
    return rest ? rest.next() : over
  }
}

/** What is left of an answer that is over. */
const nothing: Begun = { events: [] }
const over: IteratorResult<TurnEvent> = { done: true, value: undefined }
