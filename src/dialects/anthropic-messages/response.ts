import type { Message } from '@anthropic-ai/sdk/resources/messages'
import type { AnswerPart, TurnResult } from '../../turn/result.ts'
import type { EncodeContext } from '../dialect.ts'
import {
  type ActivityExtension,
  type ClaudeExtension,
  encodeActivity,
  encodeRun,
} from '../openai-chat/extension.ts'
import { type AnswerBlock, emptyMessage, encodeStop, type Thinking, thinkingOf } from './shape.ts'
import { encodeUsage } from './usage.ts'

export type Answer = Omit<Message, 'content'> & {
  content: AnswerBlock[]
  claude?: Partial<ClaudeExtension> & { activity?: ActivityExtension[] }
}

/** The whole answer. */
export function encodeResult(
  [result]: readonly TurnResult[],
  { body }: EncodeContext,
): Record<string, unknown> {
  if (!result) throw new RangeError('An answer needs a result.')
  const thinking = thinkingOf(body)
  const activity = result.activity.map(encodeActivity)
  const claude = {
    ...(result.claude && encodeRun(result.claude)),
    ...(activity.length > 0 && { activity }),
  }
  return {
    ...emptyMessage(result.id, result.model),
    content: result.parts.flatMap((part) => encodePart(part, thinking)),
    ...encodeStop(result),
    usage: encodeUsage(result.usage),
    ...(Object.keys(claude).length > 0 && { claude }),
  } satisfies Answer
}

function encodePart(part: AnswerPart, thinking: Thinking): AnswerBlock[] {
  switch (part.type) {
    case 'text':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    case 'reasoning':
      if (thinking === 'hidden') return []
      return [
        {
          type: 'thinking',
          thinking: thinking === 'shown' ? part.text : '',
          signature: part.signature ?? '',
        },
      ]
    case 'sealed-reasoning':
      return thinking === 'hidden' ? [] : [{ type: 'redacted_thinking', data: part.data }]
    case 'tool-call': {
      const input = inputOf(part.input)
      // One that a token limit cut off is no call.
      if (input === undefined) return []
      return [{ type: 'tool_use', id: part.id, name: part.name, input, caller: { type: 'direct' } }]
    }
  }
}

function inputOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
