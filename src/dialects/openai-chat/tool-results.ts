import { TurnError } from '../../turn/error.ts'
import type { Message } from '../../turn/message.ts'

/** A message with the place where the caller wrote it. */
export type PlacedMessage = { message: Message; index: number }

/** How a dialect calls what is at fault. */
export type ResultWords = {
  /** The field with the id of a result, by the index of its message. */
  result: (index: number) => string
  /** The field of the calls. */
  calls: (index: number) => string
  /** What a missing result is, to be added for each call. */
  advice: string
}

const chatWords: ResultWords = {
  result: (index) => `messages[${index}].tool_call_id`,
  calls: (index) => `messages[${index}].tool_calls`,
  advice:
    'Add a message of role "tool" with its `tool_call_id` for each, right behind the assistant message.',
}

/**
 * Holds a history to OpenAI's rule, which is Anthropic's too: each call has exactly one result, right behind the assistant message
 * that made it, in any order. Throws a `TurnError` that names the ids.
 */
export function checkToolResults(
  placed: readonly PlacedMessage[],
  words: ResultWords = chatWords,
): void {
  const open = new Map<string, number>()
  for (const { message, index } of placed) {
    if (message.role === 'tool') {
      takeResult(open, message.callId, words.result(index))
      continue
    }
    refuseOpen(open, words)
    if (message.role !== 'assistant') continue
    for (const part of message.content) {
      if (part.type === 'tool-call') open.set(part.id, index)
    }
  }
  refuseOpen(open, words)
}

function takeResult(open: Map<string, number>, callId: string, param: string): void {
  if (open.delete(callId)) return
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

function refuseOpen(open: ReadonlyMap<string, number>, words: ResultWords): void {
  if (open.size === 0) return
  const [index = 0] = open.values()
  const param = words.calls(index)
  throw new TurnError(
    'invalid_value',
    `${param}: these calls have no result: ${[...open.keys()].join(', ')}. ${words.advice}`,
    { param },
  )
}
