import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { sendError } from './message.ts'
import type { MessagesRequest, RecordedRequest } from './request.ts'
import { says, type Step } from './steps.ts'

export { conversation, systemText } from './request.ts'
export type { ConversationMessage, MessagesRequest, RecordedRequest } from './request.ts'
export {
  callsTools,
  cutsAfter,
  drips,
  fails,
  raw,
  says,
  silent,
  stalls,
  stallsAfter,
  stopsWith,
  streamError,
} from './steps.ts'
export type { SaysOptions, ScriptedToolCall, Step } from './steps.ts'

/** A Messages API whose answers a test writes. */
export interface ScriptedAnthropic extends AsyncDisposable {
  readonly url: string
  /** Every `POST /v1/messages` so far; other requests are answered and forgotten. */
  readonly requests: RecordedRequest[]
  /** Decides each answer that `enqueue` has not decided. May be replaced at any time. */
  respond: (request: RecordedRequest) => Step | Promise<Step>
  /** Answers for the next requests, one each, before `respond` is asked. */
  enqueue(...steps: Step[]): void
  /** Breaks what is still open, then stops listening. */
  close(): Promise<void>
}

/**
 * A Messages API on loopback that answers by script: the real claude binary runs against it, offline. What it receives is
 * what the model would have received.
 */
export async function startScriptedAnthropic(
  options: { port?: number } = {},
): Promise<ScriptedAnthropic> {
  const queue: Step[] = []
  const requests: RecordedRequest[] = []
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => reportBrokenScript(response, error))
  })

  // Longer than a waiting process is left alone: one that asks while its connection is being closed would meet a fault that nobody scripted.
  server.keepAliveTimeout = 120_000

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    if (!isMessagesCall(request)) return answerHarmlessly(request, response)
    const recorded = record(request, JSON.parse(body))
    requests.push(recorded)
    response.on('close', () => {
      if (!response.writableFinished) recorded.closedAt = Date.now()
    })
    const step = queue.shift() ?? (await scripted.respond(recorded))
    await step(response, recorded.body)
  }

  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('The scripted server has no port.')

  const scripted: ScriptedAnthropic = {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    respond: () => says('Hello from the scripted model.'),
    enqueue: (...steps) => {
      queue.push(...steps)
    },
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
    [Symbol.asyncDispose]: () => scripted.close(),
  }
  return scripted
}

function isMessagesCall(request: IncomingMessage): boolean {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  return request.method === 'POST' && pathname === '/v1/messages'
}

/** What the binary asks beside its turns: whether somebody is there, and how many tokens a text has. */
function answerHarmlessly(request: IncomingMessage, response: ServerResponse): void {
  const counts = request.method === 'POST' && (request.url ?? '').includes('count_tokens')
  response.writeHead(counts ? 200 : 404, { 'content-type': 'application/json' })
  response.end(counts ? JSON.stringify({ input_tokens: 1 }) : '{}')
}

function record(request: IncomingMessage, body: MessagesRequest): RecordedRequest {
  return { body, headers: request.headers, receivedAt: Date.now() }
}

/** A fault in the test's own script must read as one, not as a fault of the network. */
function reportBrokenScript(response: ServerResponse, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error)
  if (response.headersSent) response.destroy()
  else
    sendError(response, 400, {
      type: 'invalid_request_error',
      message: `The script failed: ${reason}`,
    })
}
