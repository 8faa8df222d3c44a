import type { BatchUse } from '../storage/parts/batches.ts'
import type { LineAnswer } from './parts.ts'

/** A line of the output or error file, in OpenAI's form. */
export function answerLine(id: string, customId: string, answer: LineAnswer): string {
  const response = {
    status_code: answer.status,
    request_id: answer.headers['x-request-id'] ?? id,
    body: parsed(answer.body),
  }
  return JSON.stringify({ id: lineId(id), custom_id: customId, response, error: null })
}

/** What stands for a line that was not asked. */
export function unansweredLine(
  id: string,
  customId: string | null,
  error: { code: string; message: string },
): string {
  return JSON.stringify({ id: lineId(id), custom_id: customId, response: null, error })
}

function lineId(id: string): string {
  return `batch_${id}`
}

/** The tokens that an answer says it has used, in the words of chat completions or of responses, and what it cost. */
export function useOf({ body, headers }: LineAnswer): BatchUse {
  const usage = objectAt(parsed(body), 'usage')
  const [input, output] =
    objectAt(usage, 'input_tokens') === undefined ? ['prompt', 'completion'] : ['input', 'output']
  const cost = Number(headers['x-claude-cost-usd'] ?? 0) + Number(headers['x-cost-usd'] ?? 0)
  return {
    inputTokens: countAt(usage, `${input}_tokens`),
    cachedTokens: countAt(objectAt(usage, `${input}_tokens_details`), 'cached_tokens'),
    outputTokens: countAt(usage, `${output}_tokens`),
    reasoningTokens: countAt(objectAt(usage, `${output}_tokens_details`), 'reasoning_tokens'),
    costMicros: Number.isFinite(cost) ? Math.round(cost * 1e6) : 0,
  }
}

/** JSON; what is none is given as its text. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}

function objectAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

function countAt(value: unknown, key: string): number {
  const count = objectAt(value, key)
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 0
}
