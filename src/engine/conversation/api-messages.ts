import type {
  ContentBlockParam,
  TextBlockParam,
  ToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/messages'
import {
  type AssistantMessage,
  type Message,
  nameText,
  type SpeakerName,
  type ToolCallPart,
  type ToolMessage,
} from '../../turn/message.ts'
import { toContentBlocks } from '../attachments/blocks.ts'
import { customInput } from '../tools/client-tools.ts'

/** A message as the Anthropic Messages API has it. */
export type ApiMessage = { role: 'user' | 'assistant'; content: ContentBlockParam[] }

/**
 * A conversation in Anthropic's roles. Results of tools are the user's there, and neighbours of one role are one message: the API
 * would merge them, and Claude Code would change their text on the way. Empty text and, without other text beside it, blank text are
 * left out, as the API refuses them, and with them a message that has nothing else, or thinking alone. Claude Code leaves out all blank
 * text of the user's and all answers that are only thoughts; that is done here already, or the ways to tell it a conversation would differ.
 */
export function toApiMessages(messages: readonly Message[]): ApiMessage[] {
  const whole = joined(
    messages.map((message) => ({ role: roleOf(message), content: toBlocks(message) })),
  )
  return joined(
    whole.map(({ role, content }) => ({
      role,
      content: role === 'user' ? content.filter(isShown) : withWords(withoutBlank(content)),
    })),
  )
}

function roleOf({ role }: Message): ApiMessage['role'] {
  return role === 'assistant' ? 'assistant' : 'user'
}

/** Neighbours of one role as one message; what is empty is left out. */
function joined(messages: readonly ApiMessage[]): ApiMessage[] {
  const found: ApiMessage[] = []
  for (const { role, content } of messages) {
    const last = found.at(-1)
    if (last?.role === role) last.content.push(...content)
    else if (content.length > 0) found.push({ role, content: [...content] })
  }
  return found
}

/** Blank text beside other text stays. */
function withoutBlank<Block extends ContentBlockParam>(content: readonly Block[]): Block[] {
  const hasWords = content.some((block) => block.type === 'text' && isShown(block))
  return hasWords ? [...content] : content.filter(isShown)
}

/** Nothing of an answer that is only thoughts. */
function withWords(content: ContentBlockParam[]): ContentBlockParam[] {
  return content.every(isThought) ? [] : content
}

function isThought({ type }: ContentBlockParam): boolean {
  return type === 'thinking' || type === 'redacted_thinking'
}

function isShown(block: ContentBlockParam): boolean {
  return block.type !== 'text' || block.text.trim() !== ''
}

function toBlocks(message: Message): ContentBlockParam[] {
  switch (message.role) {
    case 'user':
      return [...named(message.name), ...toContentBlocks(message.content)]
    case 'assistant':
      return toAnswer(message)
    case 'tool':
      return [toResult(message)]
  }
}

function toAnswer({ content }: AssistantMessage): ContentBlockParam[] {
  return content.flatMap((part): ContentBlockParam[] => {
    switch (part.type) {
      case 'text':
        return part.text === '' ? [] : [{ type: 'text', text: part.text }]
      case 'reasoning': {
        const { text: thinking, signature } = part
        // The API takes no other back.
        return signature === undefined ? [] : [{ type: 'thinking', thinking, signature }]
      }
      case 'sealed-reasoning':
        return [{ type: 'redacted_thinking', data: part.data }]
      case 'tool-call':
        return [{ type: 'tool_use', id: toApiId(part.id), name: part.name, input: inputOf(part) }]
    }
  })
}

/** The API has no names: a block of its own before the message's, whose text stays as it is. */
function named(name: SpeakerName | undefined): TextBlockParam[] {
  return name === undefined ? [] : [{ type: 'text', text: nameText(name) }]
}

/** The dialect has checked that a function's arguments are JSON. */
function inputOf(call: ToolCallPart): unknown {
  return call.kind === 'custom' ? { [customInput]: call.input } : JSON.parse(call.input)
}

function toResult({ callId, content, isError }: ToolMessage): ToolResultBlockParam {
  const blocks = withoutBlank(toContentBlocks(content)).filter(
    (block) => block.type === 'text' || block.type === 'image' || block.type === 'document',
  )
  return {
    type: 'tool_result',
    tool_use_id: toApiId(callId),
    ...(isError && { is_error: true }),
    ...(blocks.length > 0 && { content: blocks }),
  }
}

/** The API takes letters, digits, `_` and `-` in ids; other vendors' ids may have more. */
export function toApiId(id: string): string {
  return id.replace(
    /[^a-zA-Z0-9_-]/g,
    (character) => `_${character.codePointAt(0)?.toString(16) ?? ''}_`,
  )
}
