import { TurnError } from '../../turn/error.ts'
import type { ToolCallPart } from '../../turn/message.ts'

/** A call of a function as a caller sends it back. Throws `invalid_value` for arguments that are no object; `field` is where they stand. */
export function functionCall(
  id: string,
  { name, arguments: input }: { name: string; arguments: string },
  field: string,
): ToolCallPart {
  // Some write no arguments as an empty text; Claude takes an object only.
  const text = input.trim() === '' ? '{}' : input
  if (isJsonObject(text)) return { type: 'tool-call', id, name, input: text, kind: 'function' }
  const param = `${field}.arguments`
  throw new TurnError(
    'invalid_value',
    `${param} must be the text of a JSON object; this is none.`,
    { param },
  )
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
