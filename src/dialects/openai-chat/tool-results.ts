import { TurnError } from '../../turn/error.ts'
import type { Message } from '../../turn/message.ts'

/** A message with the place where the caller wrote it. */
export type PlacedMessage = { message: Message; index: number }

/**
 * Holds a history to OpenAI's rule, which is Anthropic's too: each call has exactly one result, right behind the assistant message
 * that made it, in any order. Throws a `TurnError` that names the ids.
 */
export function checkToolResults(placed: readonly PlacedMessage[]): void {
  const open = new Map<string, number>()
  for (const { message, index } of placed) {
    if (message.role === 'tool') {
      takeResult(open, message.callId, index)
      continue
    }
    refuseOpen(open)
    if (message.role !== 'assistant') continue
    for (const part of message.content) {
      if (part.type === 'tool-call') open.set(part.id, index)
    }
  }
  refuseOpen(open)
}

function takeResult(open: Map<string, number>, callId: string, index: number): void {
  if (open.delete(callId)) return
  const param = `messages[${index}].tool_call_id`
  const waiting =
    open.size > 0
      ? `Waiting for a result are: ${[...open.keys()].join(', ')}.`
      : 'No call before it waits for a result.'
  throw new TurnError(
    'invalid_value',
    `${param} "${callId}" is not a call of the assistant message before it, or has its result already. ${waiting}`,
    {
      param,
    },
  )
}

function refuseOpen(open: ReadonlyMap<string, number>): void {
  if (open.size === 0) return
  const [index] = open.values()
  const param = `messages[${index}].tool_calls`
  throw new TurnError(
    'invalid_value',
    `${param}: these calls have no result: ${[...open.keys()].join(', ')}. Add a message of role "tool" with its \`tool_call_id\` for each, right behind the assistant message.`,
    { param },
  )
}
