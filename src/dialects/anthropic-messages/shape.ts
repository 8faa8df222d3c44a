import type {
  Message,
  RedactedThinkingBlock,
  StopReason,
  TextBlock,
  ThinkingBlock,
  ToolUseBlock,
} from '@anthropic-ai/sdk/resources/messages'
import type { FinishReason } from '../../turn/event.ts'

type Json = Readonly<Record<string, unknown>>

/** A block of an answer. The SDK's type has `citations: null`; the API leaves it out, and the AI SDK takes no null there. */
export type AnswerBlock =
  Omit<TextBlock, 'citations'> | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock

/** How much of the model's thinking the caller wants to see. */
export type Thinking = 'shown' | 'sealed' | 'hidden'

/** `sealed`: only the signature, as the API has it with `display: "omitted"`. Who has not asked for thinking is shown none. */
export function thinkingOf(body: Json): Thinking {
  const { thinking } = body
  if (typeof thinking !== 'object' || thinking === null || !('type' in thinking)) return 'hidden'
  if (thinking.type === 'disabled') return 'hidden'
  return 'display' in thinking && thinking.display === 'omitted' ? 'sealed' : 'shown'
}

/** What each message has, whole or streamed. */
export function emptyMessage(
  id: string,
  model: string,
): Omit<Message, 'usage' | 'content'> & { content: [] } {
  return {
    id: id.startsWith('msg_') ? id : `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
  }
}

/** The API's words for why an answer ended. */
export function encodeStop({
  reason,
  stopSequence,
}: {
  reason: FinishReason
  stopSequence?: string
}): { stop_reason: StopReason; stop_sequence: string | null } {
  if (stopSequence !== undefined)
    return { stop_reason: 'stop_sequence', stop_sequence: stopSequence }
  return { stop_reason: stopReasons[reason], stop_sequence: null }
}

const stopReasons: Readonly<Record<FinishReason, StopReason>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
}
