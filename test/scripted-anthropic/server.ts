import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Step } from './steps.ts'

export * from './steps.ts'

/** The parts of a Messages API request that tests look at. */
export type MessagesRequest = {
  model: string
  max_tokens: number
  stream?: boolean
  system?: { type: 'text'; text: string }[]
  messages: { role: string; content: string | Record<string, unknown>[] }[]
  tools?: { name: string; input_schema?: unknown; description?: string }[]
  thinking?: unknown
  output_config?: { effort?: string }
  [field: string]: unknown
}

export type RecordedRequest = {
  body: MessagesRequest
  headers: IncomingMessage['headers']
  receivedAt: number
  /** When the client left before the answer was complete. */
  closedAt?: number
}

export interface ScriptedAnthropic extends AsyncDisposable {
  readonly url: string
  readonly requests: RecordedRequest[]
  /** Decides each answer that `enqueue` has not decided. */
  respond: (request: RecordedRequest) => Step | Promise<Step>
  /** Answers for the next requests, one each. */
  enqueue(...steps: Step[]): void
  close(): Promise<void>
}

/** A Messages API on loopback that answers by script: the real claude binary runs against it, offline. */
export async function startScriptedAnthropic(
  options: { port?: number } = {},
): Promise<ScriptedAnthropic> {
  const queue: Step[] = []
  const requests: RecordedRequest[] = []
  const { says } = await import('./steps.ts')
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined)
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request)
    const path = request.url ?? ''
    if (
      request.method !== 'POST' ||
      !path.startsWith('/v1/messages') ||
      path.includes('count_tokens')
    ) {
      const status = path.includes('count_tokens') ? 200 : 404
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(status === 200 ? { input_tokens: 1 } : {}))
      return
    }
    const body: MessagesRequest = JSON.parse(text)
    const recorded: RecordedRequest = { body, headers: request.headers, receivedAt: Date.now() }
    requests.push(recorded)
    response.on('close', () => {
      if (!response.writableFinished) recorded.closedAt = Date.now()
    })
    const step = queue.shift() ?? (await scripted.respond(recorded))
    await step(response, body)
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
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
    [Symbol.asyncDispose]: () => scripted.close(),
  }
  return scripted
}

/** The conversation without Claude Code's own additions: its notes of role `system` and its cache marks. */
export function conversation(
  request: RecordedRequest,
): { role: string; content: Record<string, unknown>[] }[] {
  return request.body.messages
    .filter(({ role }) => role !== 'system')
    .map(({ role, content }) => ({
      role,
      content: (typeof content === 'string' ? [{ type: 'text', text: content }] : content).map(
        ({ cache_control: _, ...block }) => block,
      ),
    }))
}

/** The caller's system prompt: what follows Claude Code's billing line and identity. */
export function systemText(request: RecordedRequest): string {
  return (request.body.system ?? [])
    .slice(2)
    .map(({ text }) => text)
    .join('\n\n')
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
