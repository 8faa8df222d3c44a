import { encodeError as anthropicError, statusOf } from '../dialects/anthropic-messages/error.ts'
import { encodeError as openaiError } from '../dialects/openai-chat/error.ts'
import type { TurnError } from '../turn/error.ts'

/** Whether an address is one of Anthropic's, however much of `/v1` a client's base URL has put before it. */
export function isAnthropicPath(url: string): boolean {
  return /^(?:\/v1)*\/messages(?:[/?]|$)/.test(url)
}

/** An error as the clients of this address know it: its status and its body. */
export function errorAnswer(
  error: TurnError,
  { url, id }: { url: string; id: string },
): { status: number; body: Record<string, unknown> } {
  return isAnthropicPath(url)
    ? { status: statusOf(error), body: anthropicError(error, id) }
    : { status: error.row.status, body: openaiError(error) }
}
