import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

/** An MCP server over http on loopback with one tool, `tell`. */
export interface WebMcpServer extends AsyncDisposable {
  readonly url: string
  /** Of every request so far. */
  readonly headers: IncomingHttpHeaders[]
}

const call = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string(),
  params: z.object({ protocolVersion: z.string().optional() }).optional(),
})

/** `delayMs` is how long each answer takes. */
export async function startWebMcpServer(delayMs = 0): Promise<WebMcpServer> {
  const headers: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    headers.push(request.headers)
    sleep(delayMs)
      .then(() => answer(request, response))
      .catch((error: unknown) => {
        response.writeHead(500).end(String(error))
      })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/mcp`,
    headers,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Streamable HTTP in its plainest form: each call is answered at once, with JSON. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end()
    return
  }
  const { id, method, params } = call.parse(await json(request))
  if (id === undefined) {
    response.writeHead(202).end()
    return
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params?.protocolVersion) }),
  )
}

function resultOf(method: string, protocolVersion: string | undefined): unknown {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'web', version: '1.0.0' },
      }
    case 'tools/list':
      return { tools: [{ name: 'tell', inputSchema: { type: 'object' } }] }
    case 'tools/call':
      return { content: [{ type: 'text', text: 'told over http' }] }
    default:
      return {}
  }
}
