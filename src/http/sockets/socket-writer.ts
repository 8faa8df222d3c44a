import type { WebSocket } from 'ws'

/** What may wait for the reader before whoever writes waits too. */
const aheadBytes = 64 * 1024

/** Writes text frames at the reader's speed. */
export class SocketWriter {
  readonly #socket: WebSocket
  readonly #readerMs: number

  /** `readerMs`: how long the reader may take nothing of what waits for it; then the connection is cut. */
  constructor(socket: WebSocket, readerMs: number) {
    this.#socket = socket
    this.#readerMs = readerMs
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  /** Resolves when the next frame may be written; also when the reader has left, whom nothing reaches any more. */
  write(text: string): Promise<void> {
    const socket = this.#socket
    if (!this.isOpen) return Promise.resolve()
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      // Called with an error too, when the connection ends first.
      socket.send(text, () => {
        clearTimeout(timer)
        resolve()
      })
      if (socket.bufferedAmount <= aheadBytes) resolve()
      else timer = setTimeout(() => socket.terminate(), this.#readerMs)
    })
  }

  /** Nothing while the reader is behind: then there is no silence. */
  ping(): void {
    if (this.isOpen && this.#socket.bufferedAmount === 0) this.#socket.ping()
  }
}
