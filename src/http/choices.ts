import type { ChoiceEvent } from '../dialects/dialect.ts'
import type { Backend, TurnContext } from '../turn/backend.ts'
import { begin } from '../turn/begun.ts'
import type { TurnEvent } from '../turn/event.ts'
import { Fold, type TurnResult } from '../turn/result.ts'
import type { Turn } from '../turn/turn.ts'

/** Who is asked for what: one turn a choice. */
export type AskedTurns = { backend: Backend; turns: readonly Turn[]; context: TurnContext }

/** Sees the events of each choice. */
export type Observe = (choice: number, event: TurnEvent) => void

type Step = { choice: number; step: IteratorResult<TurnEvent> }

/**
 * The answers to one turn that run at the same time, one a choice. Either `results` or `events` is read, once. The first failure
 * stops the others; so does `close`, which waits until all have ended.
 */
export class Choices {
  readonly #asked: AskedTurns
  readonly #stop: () => void
  readonly #observe: Observe
  readonly #whenWhole: (() => Promise<void>) | undefined
  #running: Promise<unknown>[] = []
  #iterators: AsyncIterator<TurnEvent>[] = []
  #isComplete = false

  /**
   * `stop` cancels what the context has; `observe` sees every event before anybody else. `whenWhole` is waited for when all
   * answers are whole and the reader has not been told yet; it must not throw.
   */
  constructor(
    asked: AskedTurns,
    stop: () => void,
    observe: Observe = () => {},
    whenWhole?: () => Promise<void>,
  ) {
    this.#asked = asked
    this.#stop = stop
    this.#observe = observe
    this.#whenWhole = whenWhole
  }

  async results(): Promise<TurnResult[]> {
    const running = this.#asked.turns.map((turn, choice) => this.#result(turn, choice))
    this.#running = running
    const results = await Promise.all(running)
    this.#isComplete = true
    await this.#whenWhole?.()
    return results
  }

  async #result(turn: Turn, choice: number): Promise<TurnResult> {
    const { backend, context } = this.#asked
    const fold = new Fold()
    const push = (event: TurnEvent): void => {
      this.#observe(choice, event)
      fold.push(event)
    }
    const { events, failure, rest } = await begin(backend, turn, context)
    for (const event of events) push(event)
    if (failure) throw failure
    if (rest) for await (const event of { [Symbol.asyncIterator]: () => rest }) push(event)
    return fold.result()
  }

  /** The events of all choices as they come; each choice is read one event ahead. */
  events(): AsyncIterable<ChoiceEvent> {
    const { backend, turns, context } = this.#asked
    const runs = turns.map((turn) => backend.run(turn, context))
    const [alone, ...others] = runs
    return alone && others.length === 0 ? this.#eventsOfOne(alone) : this.#eventsOfAll(runs)
  }

  /** Nearly always there is one, which needs no race. */
  #eventsOfOne(run: AsyncIterable<TurnEvent>): AsyncIterable<ChoiceEvent> {
    const iterator = run[Symbol.asyncIterator]()
    this.#iterators = [iterator]
    const next = async (): Promise<IteratorResult<ChoiceEvent>> => {
      const step = await iterator.next()
      if (!step.done) {
        this.#observe(0, step.value)
        return { done: false, value: { choice: 0, event: step.value } }
      }
      this.#isComplete = true
      if (this.#whenWhole) await this.#whenWhole()
      return { done: true, value: undefined }
    }
    return { [Symbol.asyncIterator]: () => ({ next }) }
  }

  async *#eventsOfAll(runs: readonly AsyncIterable<TurnEvent>[]): AsyncGenerator<ChoiceEvent> {
    this.#iterators = runs.map((run) => run[Symbol.asyncIterator]())
    const waiting = new Map<number, Promise<Step>>()
    const pull = (choice: number, iterator: AsyncIterator<TurnEvent>): void => {
      const next = iterator.next().then((step) => ({ choice, step }))
      // When another choice fails first, nobody reads this one's failure.
      next.catch(() => {})
      waiting.set(choice, next)
    }
    for (const [choice, iterator] of this.#iterators.entries()) pull(choice, iterator)
    while (waiting.size > 0) {
      const { choice, step } = await Promise.race(waiting.values())
      // Taken out and put in again at the end: a fast choice must not keep the others waiting.
      waiting.delete(choice)
      if (step.done) continue
      this.#observe(choice, step.value)
      yield { choice, event: step.value }
      const iterator = this.#iterators[choice]
      if (iterator) pull(choice, iterator)
    }
    this.#isComplete = true
    await this.#whenWhole?.()
  }

  /** Ends what still runs, and returns when it has ended. */
  async close(): Promise<void> {
    if (this.#isComplete) return
    this.#stop()
    const ended = this.#iterators.map((iterator) => iterator.return?.())
    await Promise.allSettled([...this.#running, ...ended])
  }
}
