import type { TurnError } from '../../turn/error.ts'
import type { SseFrame } from '../sse.ts'

/** Anthropic's error object; `code` and `param` are ours beside it. */
export type ErrorBody = {
  type: 'error'
  error: { type: string; message: string; code: string; param?: string }
  request_id: string | null
}

/** Messages and paths quote what the caller wrote, which may be of any length. */
const longestMessage = 2_000
const longestParam = 200

export function encodeError(error: TurnError, requestId?: string): ErrorBody {
  return {
    type: 'error',
    error: {
      type: typeOf(error),
      message: cut(messageOf(error), longestMessage),
      code: error.code,
      ...(error.param !== undefined && { param: cut(error.param, longestParam) }),
    },
    request_id: requestId ?? null,
  }
}

/** After this frame the stream ends: the clients throw what it says. */
export function encodeStreamError(error: TurnError, requestId?: string): SseFrame[] {
  return [{ event: 'error', data: JSON.stringify(encodeError(error, requestId)) }]
}

/** The API has a status of its own for it, by which its clients tell it from a fault. */
export function statusOf({ code, row }: TurnError): number {
  return code === 'overloaded' ? 529 : row.status
}

/** The API's word for an error, which goes by its status. */
function typeOf(error: TurnError): string {
  const status = statusOf(error)
  switch (status) {
    case 401:
      return 'authentication_error'
    case 403:
      return 'permission_error'
    case 404:
      return 'not_found_error'
    case 409:
      return 'conflict_error'
    case 413:
      return 'request_too_large'
    case 429:
      return 'rate_limit_error'
    case 504:
      return 'timeout_error'
    case 529:
      return 'overloaded_error'
    default:
      return status < 500 ? 'invalid_request_error' : 'api_error'
  }
}

/** Claude Code knows by these words that it must make the conversation shorter. */
function messageOf({ code, message }: TurnError): string {
  return code === 'context_length_exceeded' && !/prompt is too long/i.test(message)
    ? `prompt is too long: ${message}`
    : message
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
