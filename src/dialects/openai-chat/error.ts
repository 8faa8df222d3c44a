import type { TurnError } from '../../turn/error.ts'
import type { SseFrame } from '../sse.ts'

/** OpenAI's error object; all four keys are required. */
export type ErrorBody = {
  error: { message: string; type: string; param: string | null; code: string }
}

export function encodeError(error: TurnError): ErrorBody {
  return {
    error: {
      message: error.message,
      type: error.row.type,
      param: error.param ?? null,
      code: error.code,
    },
  }
}

/** After this frame the stream ends, without `[DONE]`: the clients throw what it says. */
export function encodeStreamError(error: TurnError): SseFrame[] {
  return [{ data: JSON.stringify(encodeError(error)) }]
}
