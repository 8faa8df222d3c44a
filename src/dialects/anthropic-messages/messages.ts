import { TurnError } from '../../turn/error.ts'
import type { AssistantMessage, Message, UserPart } from '../../turn/message.ts'
import type { Disclosures } from '../openai-chat/disclosures.ts'
import { decodeBlock } from './blocks.ts'
import type {
  AssistantBlock,
  MessageRequest,
  ResultBlock,
  SystemRequest,
  UserBlock,
} from './message-schema.ts'
import { OpenCalls } from './open-calls.ts'

export type Conversation = { instructions: string[]; messages: Message[] }

/**
 * The instructions and the conversation. Throws a `TurnError` for what cannot be had here, for a call without its result, and when the
 * conversation does not end with the user.
 */
export function decodeMessages(
  system: SystemRequest | null | undefined,
  requested: readonly MessageRequest[],
  disclosures: Disclosures,
): Conversation {
  const instructions = system ? textsOf(system) : []
  const messages: Message[] = []
  const calls = new OpenCalls()
  const moved: string[] = []
  for (const [index, message] of requested.entries()) {
    const field = `messages[${index}]`
    switch (message.role) {
      case 'system':
        if (messages.length > 0) moved.push(field)
        instructions.push(...textsOf(message.content))
        break
      case 'user':
        messages.push(...userMessages(message.content, { field, calls, disclosures }))
        break
      case 'assistant':
        calls.expectNone()
        messages.push({
          role: 'assistant',
          content: assistantParts(message.content, { field, calls, disclosures }),
        })
        if (isThoughtAlone(requested, index))
          disclosures.remark(`${field} is only thinking, which is no answer, and was left out`)
        break
    }
  }
  calls.expectNone()
  if (moved.length > 0) disclosures.remark(movedRemark(moved))
  expectQuestion(requested, messages)
  return { instructions: instructions.filter((text) => !isBilling(text)), messages }
}

type Place = { field: string; calls: OpenCalls; disclosures: Disclosures }

/** Claude Code tells the API in a text of its own whom to bill; the model is not meant, and the Claude Code here says it anew. */
function isBilling(text: string): boolean {
  return text.startsWith('x-anthropic-billing-header:')
}

function textsOf(content: SystemRequest): string[] {
  return typeof content === 'string' ? [content] : content.map(({ text }) => text)
}

function movedRemark(moved: readonly string[]): string {
  return `${moved.join(', ')}: instructions that come after the conversation has begun were moved to its front`
}

/** Results first, each as a message of its own, then what the user says. */
function userMessages(content: string | readonly UserBlock[], place: Place): Message[] {
  const { field, calls, disclosures } = place
  if (typeof content === 'string') {
    calls.expectNone()
    return [{ role: 'user', content: [{ type: 'text', text: content }] }]
  }
  const messages: Message[] = []
  const parts: UserPart[] = []
  for (const [index, block] of content.entries()) {
    const at = `${field}.content[${index}]`
    if (block.type !== 'tool_result') {
      parts.push(...decodeBlock(block, at, disclosures))
      continue
    }
    if (parts.length > 0) throw resultBehindWords(at)
    calls.take(block.tool_use_id, `${at}.tool_use_id`)
    messages.push(toolMessage(block, at, disclosures))
  }
  calls.expectNone()
  return parts.length > 0 ? [...messages, { role: 'user', content: parts }] : messages
}

function toolMessage(block: ResultBlock, field: string, disclosures: Disclosures): Message {
  const { content = '' } = block
  const parts: UserPart[] =
    typeof content === 'string' || content === null
      ? [{ type: 'text', text: content ?? '' }]
      : content.flatMap((part, index) =>
          decodeBlock(part, `${field}.content[${index}]`, disclosures),
        )
  return {
    role: 'tool',
    callId: block.tool_use_id,
    content: parts,
    ...(block.is_error && { isError: true }),
  }
}

function assistantParts(
  content: string | readonly AssistantBlock[],
  { field, calls, disclosures }: Place,
): AssistantMessage['content'] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return content.flatMap((block, index): AssistantMessage['content'] => {
    const at = `${field}.content[${index}]`
    switch (block.type) {
      case 'text':
        return [{ type: 'text', text: block.text }]
      case 'tool_use':
        calls.open(block.id, at)
        return [
          {
            type: 'tool-call',
            id: block.id,
            name: block.name,
            input: JSON.stringify(block.input),
            kind: 'function',
          },
        ]
      case 'thinking':
        if (block.signature)
          return [{ type: 'reasoning', text: block.thinking, signature: block.signature }]
        // That of a fallback has none.
        disclosures.remark(
          `${at} is thinking without a signature and was left out: Claude takes only its own back`,
        )
        return []
      case 'redacted_thinking':
        return [{ type: 'sealed-reasoning', data: block.data }]
      default:
        disclosures.ignore(
          'messages[].content[].type',
          'What came of tools that the API runs itself is not told to the model again.',
          `${at}.type`,
        )
        return []
    }
  })
}

/** An answer beside others of its kind is one with them. */
function isThoughtAlone(requested: readonly MessageRequest[], index: number): boolean {
  const content = requested[index]?.content
  if (typeof content !== 'object' || content.length === 0) return false
  const isAnswer = (at: number): boolean => requested[at]?.role === 'assistant'
  if (isAnswer(index - 1) || isAnswer(index + 1)) return false
  return content.every(({ type }) => type === 'thinking' || type === 'redacted_thinking')
}

function resultBehindWords(param: string): TurnError {
  return new TurnError(
    'invalid_value',
    `${param} is a tool_result behind other content. Put the results first in their message.`,
    { param },
  )
}

/** As with chat completions: Claude Code cannot let the model go on from its own words (docs/decisions/0005-history.md). */
function expectQuestion(requested: readonly MessageRequest[], messages: readonly Message[]): void {
  const last = messages.at(-1)?.role
  if (last === 'user' || last === 'tool') return
  const index =
    last === undefined
      ? requested.length - 1
      : requested.findLastIndex(({ role }) => role === 'assistant')
  const param = `messages[${index}].role`
  throw new TurnError(
    'invalid_value',
    `The last message must be the user's; ${param} is "${requested[index]?.role}". Beginning the answer in the model's place (prefill) is not possible here.`,
    { param },
  )
}
