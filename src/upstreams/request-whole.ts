import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher, Pool } from 'undici'
import { TurnError } from '../turn/error.ts'
import type { Call } from './call.ts'
import { isClosedBetween, noAnswer } from './failures.ts'

/** An answer that was read to its end. `text` is empty where a refusal could not be read. */
export type WholeResponse = {
  status: number
  headers: Readonly<IncomingHttpHeaders>
  text: string
}

/** The most that is read of an answer, in bytes. */
export type WholeLimits = { answerBytes: number; errorBytes: number }

/**
 * Sends a request and reads all of its answer. No stream is made of it: that would cost more than everything else here. Rejects with what the
 * call was ended for, with what the HTTP client says, or with `upstream_invalid_answer` when a good status has another content type than JSON or
 * an answer that is too long.
 */
export function requestWhole(
  pool: Pool,
  options: Dispatcher.DispatchOptions,
  asked: { name: string; call: Call; limits: WholeLimits },
): Promise<WholeResponse> {
  return new Promise((resolve, reject) => {
    const again = (thrown: unknown): void => {
      // Once more, on another connection: the one that was kept alive closed just then.
      if (!isClosedBetween(thrown)) reject(thrown)
      else pool.dispatch(options, new WholeHandler(asked, resolve, reject))
    }
    pool.dispatch(options, new WholeHandler(asked, resolve, again))
  })
}

/** Collects one answer. It settles once, and lets go of the connection when that is before the end. */
class WholeHandler implements Dispatcher.DispatchHandler {
  readonly #name: string
  readonly #call: Call
  readonly #limits: WholeLimits
  readonly #resolve: (response: WholeResponse) => void
  readonly #reject: (reason: unknown) => void
  #controller: Dispatcher.DispatchController | undefined
  #response: WholeResponse | undefined
  #pieces: Buffer[] = []
  #size = 0
  #isBegun = false
  #isSettled = false
  #ended: Error | undefined

  constructor(
    { name, call, limits }: { name: string; call: Call; limits: WholeLimits },
    resolve: (response: WholeResponse) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#name = name
    this.#call = call
    this.#limits = limits
    this.#resolve = resolve
    this.#reject = reject
    call.cancellation.on('abort', () => this.#fail(TurnError.from(call.cancellation.reason)))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#ended) controller.abort(this.#ended)
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return
    this.#response = { status, headers, text: '' }
    if (!isGood(status)) {
      this.#isBegun = true
      this.#call.enter('trailer')
      this.#call.waits()
      return
    }
    const type = headers['content-type'] ?? 'none'
    if (!type.toLowerCase().startsWith('application/json')) {
      this.#fail(
        noAnswer(
          `The API "${this.#name}" answered with another content type than application/json.`,
        ),
      )
    } else if (headers['content-length'] !== undefined) this.#begin()
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#isSettled || !this.#response) return
    // Blanks before an answer, which some vendors send to keep the line open, are silence.
    if (!this.#isBegun && !piece.every(isBlank)) this.#begin()
    this.#size += piece.length
    this.#pieces.push(piece)
    const { answerBytes, errorBytes } = this.#limits
    if (this.#size > (isGood(this.#response.status) ? answerBytes : errorBytes)) {
      this.#fail(noAnswer('An API answered with more than this server takes.'))
    }
  }

  onResponseEnd(): void {
    if (this.#isSettled || !this.#response) return
    this.#isSettled = true
    this.#call.over()
    const [only, ...more] = this.#pieces
    const bytes = only && more.length === 0 ? only : Buffer.concat(this.#pieces)
    const text = bytes.toString('utf8')
    // A mark of the byte order is none of the text.
    this.#response.text = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
    this.#resolve(this.#response)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error)
  }

  /** An announced answer, or its first byte. */
  #begin(): void {
    this.#isBegun = true
    this.#call.enter('body')
  }

  #fail(error: Error): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#ended = error
    this.#pieces = []
    // The status of a refusal says enough.
    if (this.#response && !isGood(this.#response.status)) this.#resolve(this.#response)
    else this.#reject(error)
    this.#controller?.abort(error)
  }
}

function isGood(status: number): boolean {
  return status >= 200 && status <= 299
}

/** Space, tab and the ends of lines. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
