import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export type BalancedNode = { name: string; url: string }

/** A load balancer in one file: round robin over the nodes that are ready, no stickiness, nothing held back. */
export interface Balancer extends AsyncDisposable {
  readonly url: string
  /** The names of the nodes that get requests now. */
  ready(): string[]
  close(): Promise<void>
}

/** Names the node that answered. */
export const nodeHeader = 'x-node'

const lookMs = 250
const lookPatienceMs = 2_000

/** Listens on a free port of loopback. */
export async function startBalancer(nodes: readonly BalancedNode[]): Promise<Balancer> {
  const ready = new Set<BalancedNode>()
  const closing = new AbortController()
  let turn = 0
  const next = (): BalancedNode | undefined => {
    const able = nodes.filter((node) => ready.has(node))
    return able.at(turn++ % Math.max(1, able.length))
  }

  const look = async (node: BalancedNode): Promise<void> => {
    const patience = AbortSignal.any([closing.signal, AbortSignal.timeout(lookPatienceMs)])
    const response = await fetch(`${node.url}/ready`, { signal: patience }).catch(() => {})
    await response?.body?.cancel()
    if (response?.ok === true) ready.add(node)
    else ready.delete(node)
  }
  const keepLooking = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await Promise.all(nodes.map(look))
      await sleep(lookMs, undefined, { signal: closing.signal }).catch(() => {})
    }
  }

  const forward = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    for (let node = next(); node; node = next()) {
      const reached = await passOn(node, asked, answer)
      if (reached) return
      ready.delete(node)
    }
    refuse(answer, 503, 'No node is ready.')
  }
  const server = createServer((asked, answer) => {
    forward(asked, answer).catch(() => refuse(answer, 502, 'The node that was asked is gone.'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No port is free.')
  const looking = keepLooking()
  const close = async (): Promise<void> => {
    closing.abort()
    server.close()
    server.closeAllConnections()
    await looking
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    ready: () => nodes.filter((node) => ready.has(node)).map(({ name }) => name),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Passes a request on, and the answer back as it comes. False where the node takes no connections, and so has seen nothing of it; throws
 * where it is gone afterwards: it may have acted, so that only the client can know whether to ask again.
 */
async function passOn(
  node: BalancedNode,
  asked: IncomingMessage,
  answer: ServerResponse,
): Promise<boolean> {
  const url = new URL(asked.url ?? '/', node.url)
  const socket = connect(Number(url.port), url.hostname)
  try {
    await once(socket, 'connect')
  } catch {
    return false
  }
  const { method, headers } = asked
  const passed = request(url, { method, headers, createConnection: () => socket })
  answer.once('close', () => passed.destroy())
  // Whatever goes wrong with the question, no answer comes to it.
  pipeline(asked, passed).catch(() => {})
  const [response]: IncomingMessage[] = await once(passed, 'response')
  if (response === undefined) return false
  const { connection: _, ...answered } = response.headers
  answer.writeHead(response.statusCode ?? 502, { ...answered, [nodeHeader]: node.name })
  answer.flushHeaders()
  await pipeline(response, answer)
  return true
}

/** An answer that has begun can only break off. */
function refuse(answer: ServerResponse, status: number, message: string): void {
  if (answer.headersSent) {
    answer.destroy()
    return
  }
  answer.writeHead(status, { 'content-type': 'application/json' })
  answer.end(JSON.stringify({ error: { message, type: 'server_error', param: null, code: null } }))
}
