import { Agent, request } from 'undici'
import { isAddressNotAllowed, judgingConnector } from '../../lib/judging-connector.ts'

export type WebhookMessage = {
  url: URL
  headers: Readonly<Record<string, string>>
  body: string
  mayConnect: (ip: string) => boolean
  signal: AbortSignal
}

/** What came of one attempt: a status, or why there is none. */
export type WebhookOutcome = { status: number } | { failure: WebhookFailure }

/** In words that are no one's but ours, and the codes of the system. */
export type WebhookFailure =
  | 'not in time'
  | 'not connected'
  | `not connected (${string})`
  | 'address not allowed'
  | 'host not allowed'
  | 'server stopped'

/** For everything: the name, the connection, the status and what is read of the body. */
const timeoutMs = 15_000
/** An answer is not read further: only its status counts. */
const longestAnswerBytes = 16_384

/** Sends a message once. Redirects are not followed: they would lead past what the owner allows. */
export async function sendWebhook(message: WebhookMessage): Promise<WebhookOutcome> {
  const { url, headers, body, mayConnect, signal } = message
  // No connection is kept: each message's address is judged anew.
  const agent = new Agent({
    connect: judgingConnector(mayConnect, timeoutMs),
    pipelining: 0,
    maxHeaderSize: longestAnswerBytes,
  })
  const deadline = AbortSignal.timeout(timeoutMs)
  try {
    const response = await request(url, {
      method: 'POST',
      dispatcher: agent,
      headers: {
        ...headers,
        'content-type': 'application/json',
        'user-agent': 'claude-code-api',
      },
      body,
      signal: AbortSignal.any([signal, deadline]),
    })
    const { statusCode: status } = response
    // What it says beyond the status, or that it breaks off, changes nothing.
    await response.body.dump({ limit: longestAnswerBytes }).catch(() => {})
    return { status }
  } catch (error) {
    return { failure: failureOf(error, signal, deadline) }
  } finally {
    await agent.destroy()
  }
}

function failureOf(error: unknown, signal: AbortSignal, deadline: AbortSignal): WebhookFailure {
  if (signal.aborted) return 'server stopped'
  if (deadline.aborted) return 'not in time'
  if (isAddressNotAllowed(error)) return 'address not allowed'
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? `not connected (${code})` : 'not connected'
}
