import { TurnError } from '../../turn/error.ts'
import type { Message, TextPart, UserPart } from '../../turn/message.ts'
import type { Disclosures } from './disclosures.ts'
import type { AssistantMessageRequest, ChatMessage, UserContent } from './message-schema.ts'

export type Conversation = { instructions: string[]; messages: Message[] }

/**
 * Divides the messages into instructions and conversation. Throws a `TurnError` for what needs function calling or audio, and when
 * the conversation does not end with the user.
 */
export function decodeMessages(
  requested: readonly ChatMessage[],
  disclosures: Disclosures,
): Conversation {
  const instructions: string[] = []
  const messages: Message[] = []
  const moved: number[] = []
  for (const [index, message] of requested.entries()) {
    const field = `messages[${index}]`
    if ('name' in message && typeof message.name === 'string') {
      disclosures.ignore('messages[].name', 'Claude does not tell speakers apart.', `${field}.name`)
    }
    switch (message.role) {
      case 'system':
      case 'developer':
        if (messages.length > 0) moved.push(index)
        instructions.push(...textsOf(message.content))
        break
      case 'user':
        messages.push({ role: 'user', content: userParts(message.content, field, disclosures) })
        break
      case 'assistant':
        messages.push({ role: 'assistant', content: assistantParts(message, field) })
        break
      case 'tool':
      case 'function':
        throw functionCalling(`${field}.role`, `A message of role "${message.role}"`)
    }
  }
  if (moved.length > 0) disclosures.remark(movedRemark(moved))
  expectQuestion(requested, messages)
  return { instructions, messages }
}

function movedRemark(moved: readonly number[]): string {
  const fields = moved.map((index) => `messages[${index}]`).join(', ')
  return `${fields}: instructions that come after the conversation has begun were moved to its front`
}

function expectQuestion(requested: readonly ChatMessage[], messages: readonly Message[]): void {
  if (messages.at(-1)?.role === 'user') return
  const index =
    messages.length === 0
      ? requested.length - 1
      : requested.findLastIndex(({ role }) => role === 'assistant')
  const param = `messages[${index}].role`
  throw new TurnError(
    'invalid_value',
    `The last message must be the user's; ${param} is "${requested[index]?.role}". Add a message of role "user" after it.`,
    { param },
  )
}

function textsOf(content: string | readonly { text: string }[]): string[] {
  return typeof content === 'string' ? [content] : content.map(({ text }) => text)
}

function userParts(content: UserContent, field: string, disclosures: Disclosures): UserPart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return content.map((part, index): UserPart => {
    const partField = `${field}.content[${index}]`
    switch (part.type) {
      case 'text':
        return { type: 'text', text: part.text }
      case 'image_url': {
        const { url, detail } = part.image_url
        const detailField = `${partField}.image_url.detail`
        if (detail === 'low' || detail === 'high') {
          disclosures.ignore('image_url.detail', 'Claude reads every picture alike.', detailField)
        }
        return { type: 'image', source: { type: 'url', url, field: `${partField}.image_url.url` } }
      }
      case 'input_audio':
      case 'file':
        throw new TurnError(
          'unsupported_parameter',
          `${partField}.type "${part.type}" is not supported; allowed are "text" and "image_url". ` +
            'Files on this machine can be named in `claude_options.files`.',
          { param: `${partField}.type` },
        )
    }
  })
}

function assistantParts(message: AssistantMessageRequest, field: string): TextPart[] {
  if (message.tool_calls && message.tool_calls.length > 0) {
    throw functionCalling(`${field}.tool_calls`, 'An assistant message with `tool_calls`')
  }
  if (message.function_call !== undefined && message.function_call !== null) {
    throw functionCalling(`${field}.function_call`, 'An assistant message with `function_call`')
  }
  const { content, refusal } = message
  if (typeof content !== 'string' && !content && typeof refusal !== 'string') {
    throw new TurnError(
      'missing_required_parameter',
      `${field}.content is missing; an assistant message must have a string, an array of parts, or a \`refusal\`.`,
      { param: `${field}.content` },
    )
  }
  const parts =
    typeof content === 'string' ? [{ type: 'text' as const, text: content }] : (content ?? [])
  return [
    ...parts.map((part): TextPart => ({
      type: 'text',
      text: part.type === 'text' ? part.text : part.refusal,
    })),
    ...(typeof refusal === 'string' ? [{ type: 'text' as const, text: refusal }] : []),
  ]
}

function functionCalling(param: string, what: string): TurnError {
  return new TurnError(
    'unsupported_parameter',
    `${what} (${param}) is not supported: function calling comes in the next release. ` +
      "Claude Code's built-in tools are in `claude_options.tools`.",
    { param },
  )
}
