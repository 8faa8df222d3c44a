import { TurnError } from '../turn/error.ts'
import { broken } from './failures.ts'

/** How long an upstream may take, in milliseconds. */
export type UpstreamTimeouts = {
  /** For the connection to stand. */
  connectMs: number
  /** For the first header of a streamed answer, from the request on. */
  headersMs: number
  /** For the first output of a streamed answer, from the first header on. */
  firstOutputMs: number
  /** Between two pieces of a streamed answer. */
  idleMs: number
  /** For a whole answer that is not streamed. */
  answerMs: number
}

/** What is being waited for. `trailer` is what follows the finish reason: the usage and `[DONE]`; `drain` what follows `[DONE]`. */
type Phase = 'headers' | 'first-output' | 'idle' | 'answer' | 'trailer' | 'drain'

const trailerMs = 5_000
const drainMs = 250

/**
 * One call to an upstream: it ends when the caller leaves, and when the upstream lets us wait too long in the present phase. Time in
 * which nobody waits for the upstream, because our own reader is slow, does not count.
 */
export class Call {
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal
  readonly #name: string
  readonly #timeouts: UpstreamTimeouts
  #phase: Phase = 'headers'
  #timer: NodeJS.Timeout | undefined

  constructor(name: string, timeouts: UpstreamTimeouts, caller: AbortSignal) {
    this.#name = name
    this.#timeouts = timeouts
    this.#caller = caller
    caller.addEventListener('abort', this.#cancel)
    if (caller.aborted) this.#cancel()
  }

  /** Aborted with the `TurnError` that says why the call ended early. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Whether the answer is whole already, so that a failure from now on changes nothing. */
  get isAnswered(): boolean {
    return (this.#phase === 'trailer' || this.#phase === 'drain') && !this.#caller.aborted
  }

  /** The phase begins. The limits of `idle` and `trailer` run in each `next`; the others' from now on, over all that comes. */
  enter(phase: Phase): void {
    clearTimeout(this.#timer)
    this.#phase = phase
    if (!this.#isPerPiece) this.#arm()
  }

  get #isPerPiece(): boolean {
    return this.#phase === 'idle' || this.#phase === 'trailer'
  }

  /** Waits for a piece of the answer under the limit of the present phase. */
  async next<T>(pieces: AsyncIterator<T>): Promise<IteratorResult<T>> {
    if (!this.#isPerPiece) return pieces.next()
    this.#arm()
    try {
      return await pieces.next()
    } finally {
      clearTimeout(this.#timer)
    }
  }

  /** Frees everything; closes the connection when the answer was not read to its end. */
  end(): void {
    clearTimeout(this.#timer)
    this.#caller.removeEventListener('abort', this.#cancel)
    this.#controller.abort(broken(`The call to the API "${this.#name}" has ended.`))
  }

  readonly #cancel = (): void => {
    const reason: unknown = this.#caller.reason
    this.#controller.abort(
      reason instanceof TurnError
        ? reason
        : new TurnError('request_cancelled', 'The caller left before the answer was complete.'),
    )
  }

  #arm(): void {
    const limitMs = this.#limitMs()
    this.#timer = setTimeout(() => {
      this.#controller.abort(
        broken(
          `The API "${this.#name}" was silent for ${limitMs / 1000} s (waiting for: ${this.#phase}).`,
        ),
      )
    }, limitMs)
  }

  #limitMs(): number {
    const { headersMs, firstOutputMs, idleMs, answerMs } = this.#timeouts
    const limits: Record<Phase, number> = {
      headers: headersMs,
      'first-output': firstOutputMs,
      idle: idleMs,
      answer: answerMs,
      trailer: Math.min(idleMs, trailerMs),
      drain: Math.min(idleMs, drainMs),
    }
    return limits[this.#phase]
  }
}
