import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ConnectionMemories } from '../../responses/connection-memory.ts'
import { TurnError } from '../../turn/error.ts'
import { readAzurePath } from '../azure-paths.ts'
import type { HttpParts } from '../parts.ts'
import type { RequestRecords } from '../request-records.ts'
import { ResponseSocket } from '../sockets/response-socket.ts'
import { SocketCalls } from '../sockets/socket-calls.ts'
import { Upgrades } from '../sockets/upgrades.ts'

const path = '/v1/responses'
const hourMs = 3_600_000

export type ResponseSocketParts = Pick<HttpParts, 'options' | 'telemetry'> & {
  records: RequestRecords
}

/** GET /v1/responses as a WebSocket. Gives the messages that are being answered, for the route that answers them. */
export function mountResponseSockets(
  app: FastifyInstance,
  { options, telemetry, records }: ResponseSocketParts,
): SocketCalls {
  const { bodyLimitBytes, heartbeatMs, readerMs, socketLifeMs = hourMs } = options
  const upgrades = new Upgrades(app, {
    isPath: (url) => /^\/v1\/responses\/?(?:\?|$)/.test(readAzurePath(url).url),
    // So that a message which is a little too large gets an answer.
    messageLimitBytes: 2 * bodyLimitBytes,
  })
  const calls = new SocketCalls(app)
  const memories = new ConnectionMemories({ limitBytes: 4 * bodyLimitBytes })
  const sockets = new Set<ResponseSocket>()
  app.get(path, (request, reply) => {
    const isAccepted = upgrades.accept(request, reply, (socket) => {
      records.of(request).facts.status = 101
      const one = new ResponseSocket(socket, {
        calls,
        memory: memories.open(),
        url: request.originalUrl,
        headers: headersOf(request),
        bodyLimitBytes,
        heartbeatMs,
        readerMs,
        lifeMs: socketLifeMs,
        onFault: (error) => telemetry.fault(error, request.id),
      })
      sockets.add(one)
      socket.once('close', () => sockets.delete(one))
    })
    if (isAccepted) return
    void reply.header('allow', 'POST, OPTIONS')
    throw new TurnError(
      'method_not_allowed',
      `GET ${path} opens a WebSocket; over HTTP a response is asked for with POST.`,
    )
  })
  app.addHook('preClose', async () => {
    for (const socket of sockets) socket.stop()
  })
  return calls
}

const ofConnection =
  /^(?:connection|upgrade|sec-websocket-.*|content-.*|transfer-encoding|x-request-id)$/

/** What its requests have in common: who asks, and how. */
function headersOf({ headers }: FastifyRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || ofConnection.test(name) ? [] : [[name, String(value)]],
    ),
  )
}
