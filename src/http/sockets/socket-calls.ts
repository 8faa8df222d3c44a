import { randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ConnectionMemory } from '../../responses/connection-memory.ts'

/** What a message says besides the body of its request. */
export type SocketCall = {
  /** What its connection remembers. */
  memory: ConnectionMemory
  /** Nothing is to be generated (`generate: false`). */
  isWarmUp: boolean
  /** Aborts when the answer is not needed any more. */
  signal: AbortSignal
}

export type SocketAsked = SocketCall & {
  url: string
  headers: Record<string, string>
  body: string
}

export type SocketAnswer = {
  status: number
  headers: Record<string, string>
  body: Readable
}

/**
 * The messages of WebSockets that are being answered, by request id. Each comes in as a request of this process to itself, without a socket, and
 * so with the key, the limits and the log line of a request: nobody can send one over a connection, whatever headers it has.
 */
export class SocketCalls {
  readonly #app: Pick<FastifyInstance, 'inject'>
  readonly #calls = new Map<string, SocketCall>()

  constructor(app: Pick<FastifyInstance, 'inject'>) {
    this.#app = app
  }

  /** The message that a request was; undefined for whatever came over a connection. */
  callOf(request: FastifyRequest): SocketCall | undefined {
    if (request.raw.socket instanceof Socket) return undefined
    return this.#calls.get(request.id)
  }

  /** Asks; the body of the answer is to be read to its end. Throws when the server stops, or when the signal has aborted. */
  async ask({ url, headers, body, ...call }: SocketAsked): Promise<SocketAnswer> {
    const id = `req_${randomUUID().replaceAll('-', '')}`
    this.#calls.set(id, call)
    try {
      const answer = await this.#app.inject({
        method: 'POST',
        url,
        headers: { ...headers, 'content-type': 'application/json', 'x-request-id': id },
        payload: body,
        payloadAsStream: true,
      })
      return {
        status: answer.statusCode,
        headers: Object.fromEntries(
          Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: answer.stream(),
      }
    } finally {
      this.#calls.delete(id)
    }
  }
}

/** Ends the answer to a message with its connection, as that of a request whose caller leaves. */
export function endWith({ signal }: SocketCall, { raw }: FastifyReply): void {
  const leave = (): void => {
    raw.destroy()
  }
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave)
  raw.once('close', () => signal.removeEventListener('abort', leave))
}
