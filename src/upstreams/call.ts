import { type ErrorCode, TurnError } from '../turn/error.ts'
import { Cancellation } from '../turn/cancellation.ts'
import { broken } from './failures.ts'

/** How long an upstream may take, in milliseconds. */
export type UpstreamTimeouts = {
  /** For the connection to stand. */
  connectMs: number
  /** For the first header of a streamed answer, from the request on. */
  headersMs: number
  /** For the first output of a streamed answer, from the first header on. */
  firstOutputMs: number
  /** Between two events of a streamed answer. Bytes that complete no event are silence. */
  idleMs: number
  /** For a whole answer that is not streamed. */
  answerMs: number
  /** For the first byte of such an answer while somebody else could be asked instead. */
  silenceMs: number
  /** For a whole streamed answer. */
  turnMs: number
}

/**
 * What is being waited for. `trailer` is what follows the finish reason: the usage and `[DONE]`; `drain` what follows `[DONE]`. An answer
 * that is not streamed: `answer` is its first byte, `body` the rest of it.
 */
type Phase = 'headers' | 'first-output' | 'idle' | 'answer' | 'body' | 'trailer' | 'drain'

const trailerMs = 5_000
const drainMs = 250

/**
 * One call to an upstream: it ends when the caller leaves, and when the upstream lets us wait too long in the present phase. Time in
 * which nobody waits for the upstream, because our own reader is slow, does not count. One timer a phase: the pieces of an answer
 * only write down times, and the timer looks at them when it is due.
 */
export class Call {
  readonly #cancellation = new Cancellation()
  readonly #caller: Cancellation
  readonly #name: string
  readonly #timeouts: UpstreamTimeouts
  readonly #hasOthers: boolean
  readonly #startedMs = performance.now()
  #phase: Phase = 'headers'
  #enteredMs = this.#startedMs
  #waitedMs = 0
  #waitingSinceMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  /** When the timer looks next. */
  #dueMs = Infinity

  /** `hasOthers`: somebody else could be asked instead. */
  constructor(
    name: string,
    timeouts: UpstreamTimeouts,
    {
      cancellation: caller,
      hasOthers = false,
    }: { cancellation: Cancellation; hasOthers?: boolean },
  ) {
    this.#name = name
    this.#timeouts = timeouts
    this.#caller = caller
    this.#hasOthers = hasOthers
    caller.on('abort', this.#cancel)
    if (caller.aborted) this.#cancel()
  }

  /** Aborted with the `TurnError` that says why the call ended early. */
  get cancellation(): Cancellation {
    return this.#cancellation
  }

  /** Whether the answer is whole already, so that a failure from now on changes nothing. */
  get isAnswered(): boolean {
    return (this.#phase === 'trailer' || this.#phase === 'drain') && !this.#caller.aborted
  }

  /** The phase begins. The limits of `idle` and `trailer` count time spent in `next`; the others' run from now on. */
  enter(phase: Phase): void {
    this.#phase = phase
    this.#enteredMs = performance.now()
    this.#waitedMs = 0
    const limitMs = this.#limitMs()
    // So that the body, which nearly always comes at once, needs no timer of its own.
    const ms = phase === 'answer' ? Math.min(limitMs, this.#timeouts.idleMs) : limitMs
    if (this.#enteredMs + ms < this.#dueMs) this.#arm(ms)
  }

  /** An event came: the silence is over. */
  heard(): void {
    this.#waitedMs = 0
  }

  /** Waits for a piece of the answer under the limit of the present phase. */
  async next<T>(pieces: AsyncIterator<T>): Promise<IteratorResult<T>> {
    const sinceMs = this.waits()
    try {
      return await pieces.next()
    } finally {
      this.waited(sinceMs)
    }
  }

  /** Waiting for the upstream begins; gives the time, for `waited`. */
  waits(): number {
    this.#waitingSinceMs = performance.now()
    return this.#waitingSinceMs
  }

  waited(sinceMs: number): void {
    this.#waitingSinceMs = undefined
    this.#waitedMs += performance.now() - sinceMs
  }

  /** Frees everything; closes the connection when the answer was not read to its end. */
  end(): void {
    clearTimeout(this.#timer)
    this.#caller.off('abort', this.#cancel)
    if (!this.#isOver) this.#cancellation.abort(ended)
  }

  /** The body was read to its end: there is nothing to close. */
  over(): void {
    this.#isOver = true
  }
  #isOver = false

  readonly #cancel = (): void => {
    const reason: unknown = this.#caller.reason
    this.#cancellation.abort(
      reason instanceof TurnError
        ? reason
        : new TurnError('request_cancelled', 'The caller left before the answer was complete.'),
    )
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer)
    this.#dueMs = performance.now() + ms
    this.#timer = setTimeout(() => this.#look(), ms)
  }

  #look(): void {
    const limitMs = this.#limitMs()
    const nowMs = performance.now()
    if (nowMs - this.#startedMs >= this.#timeouts.turnMs) {
      this.#cancellation.abort(
        new TurnError(
          'turn_timeout',
          `The API "${this.#name}" took too long for the whole answer.`,
        ),
      )
      return
    }
    const leftMs = limitMs - this.#silentMs(nowMs)
    // Timers may be early by a part of a millisecond.
    if (leftMs < 1) this.#cancellation.abort(this.#silence(limitMs))
    else this.#arm(Math.max(leftMs, limitMs / 8))
  }

  #silentMs(nowMs: number): number {
    if (this.#phase !== 'idle' && this.#phase !== 'trailer') return nowMs - this.#enteredMs
    return this.#waitedMs + (this.#waitingSinceMs === undefined ? 0 : nowMs - this.#waitingSinceMs)
  }

  #silence(limitMs: number): TurnError {
    const code: ErrorCode = isBegun.has(this.#phase) ? 'idle_timeout' : 'first_token_timeout'
    return new TurnError(
      code,
      `The API "${this.#name}" was silent for ${Math.round(limitMs) / 1000} s (waiting for: ${this.#phase}).`,
    )
  }

  #limitMs(): number {
    const { headersMs, firstOutputMs, idleMs, answerMs, silenceMs } = this.#timeouts
    switch (this.#phase) {
      case 'headers':
        return headersMs
      case 'first-output':
        return firstOutputMs
      case 'idle':
        return idleMs
      case 'answer':
        return this.#hasOthers ? Math.min(silenceMs, answerMs) : answerMs
      case 'body':
        return Math.min(idleMs, answerMs - (this.#enteredMs - this.#startedMs))
      case 'trailer':
        return Math.min(idleMs, trailerMs)
      case 'drain':
        return Math.min(idleMs, drainMs)
    }
  }
}

/** The phases in which a part of the answer has come. */
const isBegun: ReadonlySet<Phase> = new Set(['idle', 'body', 'trailer', 'drain'])

/** Made once: an error with a stack is dear, and this one is for nobody to read. */
const ended = broken('The call has ended.')
