import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Lets a server stop: `close` waits for every connection, also for those on which a client has not asked anything yet or not again
 * (undici opens such a one after each aborted request), and Node closes only a part of them by itself.
 */
export class Connections {
  readonly #open = new Set<Socket>()
  readonly #busy = new Set<Socket>()
  #isClosing = false

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#open.add(socket)
      socket.once('close', () => {
        this.#open.delete(socket)
        this.#busy.delete(socket)
      })
    })
    // Whoever has made something else of it closes it.
    server.on('upgrade', ({ socket }) => this.#busy.add(socket))
    server.on('request', ({ socket }, response) => {
      this.#busy.add(socket)
      response.on('close', () => {
        this.#busy.delete(socket)
        if (this.#isClosing) socket.destroySoon()
      })
    })
  }

  get isClosing(): boolean {
    return this.#isClosing
  }

  /** Ends the connections on which nothing runs; the others end with their answer. */
  close(): void {
    this.#isClosing = true
    for (const socket of this.#open) if (!this.#busy.has(socket)) socket.destroySoon()
  }
}
