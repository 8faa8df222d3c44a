import type { TurnError } from '../../turn/error.ts'
import type { SseFrame } from '../sse.ts'

/** OpenAI's error object; all four keys are required. */
export type ErrorBody = {
  error: { message: string; type: string; param: string | null; code: string }
}

/** Messages and paths quote what the caller wrote, which may be of any length. */
const longestMessage = 2_000
const longestParam = 200

export function encodeError(error: TurnError): ErrorBody {
  return {
    error: {
      message: cut(error.message, longestMessage),
      type: error.row.type,
      param: error.param === undefined ? null : cut(error.param, longestParam),
      code: error.code,
    },
  }
}

/** After this frame the stream ends, without `[DONE]`: the clients throw what it says. */
export function encodeStreamError(error: TurnError): SseFrame[] {
  return [{ data: JSON.stringify(encodeError(error)) }]
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
