import type { ServerResponse } from 'node:http'
import { type SseFrame, writeFrame } from '../dialects/sse.ts'

/** What says that an answer is a stream of events, and that nobody on the way may hold it back. */
export const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
}

export type SseBodyOptions = {
  heartbeatMs: number
  readerMs: number
  heartbeat: () => readonly SseFrame[]
}

/**
 * Writes server-sent events to an open response: one write a frame, at the reader's speed, with a heartbeat in every silence of
 * `heartbeatMs`. Owns the response from `open` to `end`.
 */
export class SseBody {
  readonly #raw: ServerResponse
  readonly #heartbeat: NodeJS.Timeout
  readonly #readerMs: number
  readonly #frames: () => readonly SseFrame[]

  /**
   * Sends the headers at once, in one piece with frames that are ready. `readerMs`: how long the reader may take nothing of what waits for
   * it; then it is dropped. `heartbeat`: what a silence is bridged with.
   */
  constructor(
    raw: ServerResponse,
    headers: Readonly<Record<string, string>>,
    { heartbeatMs, readerMs, heartbeat }: SseBodyOptions,
  ) {
    this.#raw = raw
    this.#readerMs = readerMs
    this.#frames = heartbeat
    raw.writeHead(200, { ...headers, ...streamHeaders })
    // In one piece with the frames that are there already: each would wake the reader. No longer than that, because what is corked
    // does not tell that the reader is behind.
    raw.cork()
    setImmediate(() => {
      raw.uncork()
      raw.flushHeaders()
    })
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs)
  }

  /** Resolves when the next frame may be written; also when the reader has left, whom nothing reaches any more. */
  async write(frame: SseFrame): Promise<void> {
    if (this.#isGone) return
    this.#heartbeat.refresh()
    if (this.#raw.write(writeFrame(frame)) || this.#isGone) return
    await this.#drained()
  }

  end(): void {
    clearInterval(this.#heartbeat)
    if (!this.#isGone) this.#raw.end()
  }

  /** Nothing while the reader is behind: then there is no silence. */
  #beat(): void {
    if (this.#isGone || this.#raw.writableNeedDrain) return
    this.#raw.write(this.#frames().map(writeFrame).join(''))
  }

  get #isGone(): boolean {
    return this.#raw.destroyed || this.#raw.writableEnded
  }

  /** Waits until the reader has taken what there is. One that does not in time is cut off, and its turn with it. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#raw.destroy(), this.#readerMs)
      const done = (): void => {
        clearTimeout(timer)
        this.#raw.off('drain', done)
        this.#raw.off('close', done)
        resolve()
      }
      this.#raw.on('drain', done)
      this.#raw.on('close', done)
    })
  }
}
