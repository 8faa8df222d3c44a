import { type ErrorCode, TurnError } from '../../turn/error.ts'

/** Limits in milliseconds. */
export type TimeLimits = {
  /** From the start of the process to its readiness. */
  startMs: number
  /** From the question to the first sign of an answer. */
  firstTokenMs: number
  /** Between two signs of life. */
  idleMs: number
  /** One use of a tool. */
  toolMs: number
  /** The whole turn. */
  turnMs: number
}

/** What is being waited for; while a tool runs, silence is no fault. */
export type Phase = 'start' | 'first-token' | 'idle' | 'tool'

/** Waits with a limit for each phase and one for the whole turn, and not at all once the caller has left. */
export class TurnClock {
  readonly #limits: TimeLimits
  readonly #signal: AbortSignal
  readonly #deadline: number

  constructor(limits: TimeLimits, signal: AbortSignal) {
    this.#limits = limits
    this.#signal = signal
    this.#deadline = performance.now() + limits.turnMs
  }

  /** The promise's value; throws `request_cancelled` or the timeout of the phase when that comes first. `elapsedMs`: what of the phase is over. */
  async wait<T>(phase: Phase, promise: Promise<T>, elapsedMs = 0): Promise<T> {
    if (this.#signal.aborted) {
      // Nobody waits for it any more; its failure, such as the end of the process, must not be one of this server.
      promise.catch(() => {})
      throw cancelled()
    }
    const limit = this.#limitOf(phase, elapsedMs)
    let timer: NodeJS.Timeout | undefined
    let leave: (() => void) | undefined
    const interruption = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new TurnError(limit.code, limit.text)), limit.ms)
      leave = () => reject(cancelled())
      this.#signal.addEventListener('abort', leave, { once: true })
    })
    try {
      return await Promise.race([promise, interruption])
    } finally {
      clearTimeout(timer)
      if (leave) this.#signal.removeEventListener('abort', leave)
    }
  }

  #limitOf(phase: Phase, elapsedMs: number): { ms: number; code: ErrorCode; text: string } {
    const left = Math.max(0, this.#deadline - performance.now())
    const whole = {
      ms: left,
      code: 'turn_timeout',
      text: `The whole turn took more than ${seconds(this.#limits.turnMs)} (TURN_TIMEOUT_SECONDS or claude_options.timeout_seconds).`,
    } as const
    const own = this.#own(phase)
    const ms = Math.max(0, own.ms - elapsedMs)
    return ms < left ? { ...own, ms } : whole
  }

  #own(phase: Phase): { ms: number; code: ErrorCode; text: string } {
    const { startMs, firstTokenMs, idleMs, toolMs } = this.#limits
    switch (phase) {
      case 'start':
        return {
          ms: startMs,
          code: 'start_timeout',
          text: `Claude Code did not start within ${seconds(startMs)} (START_TIMEOUT_SECONDS).`,
        }
      case 'first-token':
        return {
          ms: firstTokenMs,
          code: 'first_token_timeout',
          text: `Claude sent nothing within ${seconds(firstTokenMs)} (FIRST_TOKEN_TIMEOUT_SECONDS).`,
        }
      case 'idle':
        return {
          ms: idleMs,
          code: 'idle_timeout',
          text: `Claude was silent for ${seconds(idleMs)} in the middle of the answer (IDLE_TIMEOUT_SECONDS).`,
        }
      case 'tool':
        return {
          ms: toolMs,
          code: 'tool_timeout',
          text: `A tool ran for more than ${seconds(toolMs)} (TOOL_TIMEOUT_SECONDS).`,
        }
    }
  }
}

function cancelled(): TurnError {
  return new TurnError('request_cancelled', 'The caller left before the answer was complete.')
}

function seconds(ms: number): string {
  return `${ms / 1000} s`
}
