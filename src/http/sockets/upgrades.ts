import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { WebSocket, WebSocketServer } from 'ws'
import { refuse } from '../client-error.ts'

type Offer = { socket: Socket; head: Buffer }

/**
 * Requests that may become WebSockets. They pass the hooks and the router as any other request does, so that the same callers are let in, and
 * are accepted by their route or answered over HTTP.
 */
export class Upgrades {
  readonly #offers = new WeakMap<IncomingMessage, Offer>()
  readonly #messageLimitBytes: number
  #server: Promise<WebSocketServer> | undefined

  /** `isPath` says of a URL whether there are WebSockets. A message of more than `messageLimitBytes` ends its connection (1009). */
  constructor(
    app: Pick<FastifyInstance, 'server' | 'routing'>,
    { isPath, messageLimitBytes }: { isPath: (url: string) => boolean; messageLimitBytes: number },
  ) {
    this.#messageLimitBytes = messageLimitBytes
    app.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (!asksForWebSocket(request) || !isPath(request.url ?? '')) {
        answerPlainly(app.server, request, socket, head)
        return
      }
      // Node has taken its own listener away.
      socket.on('error', () => socket.destroy())
      this.#offers.set(request, { socket, head })
      const response = new ServerResponse(request)
      response.shouldKeepAlive = false
      response.assignSocket(socket)
      response.once('finish', () => socket.destroySoon())
      app.routing(request, response)
    })
  }

  /** Makes a request's connection a WebSocket; false for a request that did not ask for that. What asks wrongly is answered with a 400. */
  accept(request: FastifyRequest, reply: FastifyReply, use: (socket: WebSocket) => void): boolean {
    const offer = this.#offers.get(request.raw)
    if (!offer) return false
    reply.hijack()
    void this.#upgrade(request.raw, offer, use)
    return true
  }

  async #upgrade(
    request: IncomingMessage,
    { socket, head }: Offer,
    use: (socket: WebSocket) => void,
  ): Promise<void> {
    this.#server ??= makeServer(this.#messageLimitBytes)
    const server = await this.#server
    server.handleUpgrade(request, socket, head, use)
  }
}

/** Few servers ever need it, and it takes time to load. */
async function makeServer(maxPayload: number): Promise<WebSocketServer> {
  const { WebSocketServer } = await import('ws')
  const server = new WebSocketServer({
    noServer: true,
    maxPayload,
    perMessageDeflate: false,
    clientTracking: false,
  })
  server.on('wsClientError', ({ message }, socket) => {
    refuse(socket, '400 Bad Request', `The WebSocket's handshake is wrong: ${message}.`)
  })
  return server
}

function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

const offered = new Set(['upgrade', 'http2-settings', 'connection'])

/**
 * Goes on as if the request had not offered to switch protocols, as Node does while nobody listens for upgrades: Java's client offers HTTP/2
 * with each of its requests. Its parser is gone by now, so a new one is given the request again.
 */
function answerPlainly(
  server: Server,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const { method, url, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (!offered.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[at + 1]}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('connection', socket)
}
