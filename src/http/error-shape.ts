import type { IncomingHttpHeaders } from 'node:http'
import { encodeError as anthropicError, statusOf } from '../dialects/anthropic-messages/error.ts'
import { encodeError as openaiError } from '../dialects/openai-chat/error.ts'
import type { TurnError } from '../turn/error.ts'

/** Whether an address is one of Anthropic's, however much of `/v1` a client's base URL has put before it. */
export function isAnthropicPath(url: string): boolean {
  return /^(?:\/v1)*\/messages(?:[/?]|$)/.test(url)
}

type Asked = { url: string; headers: IncomingHttpHeaders }

/** Whether a request is that of one of Anthropic's clients: by its address, or, where the two APIs have one in common, by a header. */
export function speaksAnthropic({ url, headers }: Asked): boolean {
  if (isAnthropicPath(url)) return true
  return headers['anthropic-version'] !== undefined && /^(?:\/v1)*\/models(?:[/?]|$)/.test(url)
}

/** An error as the clients of this address know it: its status and its body. */
export function errorAnswer(
  error: TurnError,
  request: Asked & { id: string },
): { status: number; body: Record<string, unknown> } {
  return speaksAnthropic(request)
    ? { status: statusOf(error), body: anthropicError(error, request.id) }
    : { status: error.row.status, body: openaiError(error) }
}
