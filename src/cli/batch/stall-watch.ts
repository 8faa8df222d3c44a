import { ApiProblem, type BatchApi } from './api.ts'

/** After so long without an answer the server is asked why. */
const quietMs = 10_000

/** Tells the person who waits why nothing is answered, once for each reason. */
export class StallWatch {
  readonly #api: BatchApi
  readonly #signal: AbortSignal
  readonly #note: (text: string) => void
  #done = -1
  #sinceMs = 0
  #told = ''

  constructor(api: BatchApi, signal: AbortSignal, note: (text: string) => void) {
    this.#api = api
    this.#signal = signal
    this.#note = note
  }

  /** `done`: how many lines are, by now. */
  look(done: number): void {
    const now = performance.now()
    if (done !== this.#done) {
      this.#done = done
      this.#sinceMs = now
    } else if (now - this.#sinceMs > quietMs) {
      this.#sinceMs = now
      void this.#ask()
    }
  }

  async #ask(): Promise<void> {
    try {
      const reasons = (await this.#api.reasons(this.#signal)).join(' ')
      if (reasons !== '' && reasons !== this.#told)
        this.#note(`Nothing is answered now: ${reasons}`)
      this.#told = reasons
    } catch (error) {
      // Whoever follows the batch hears of it too.
      if (!(error instanceof ApiProblem) && !this.#signal.aborted) throw error
    }
  }
}
