import { TurnError } from '../../turn/error.ts'
import {
  type Message,
  nameText,
  type SpeakerName,
  type TextPart,
  type ToolCallPart,
  type UserPart,
} from '../../turn/message.ts'
import type { Disclosures } from './disclosures.ts'
import { functionCall } from './function-call.ts'
import type {
  AssistantMessageRequest,
  ChatMessage,
  FileRequest,
  UserContent,
} from './message-schema.ts'
import { checkToolResults, type PlacedMessage } from './tool-results.ts'
import type { ToolCallRequest } from './tool-schema.ts'

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
  const placed: PlacedMessage[] = []
  const moved: number[] = []
  let lastAssistant = -1
  for (const [index, message] of requested.entries()) {
    if (isInstruction(message)) {
      if (placed.length > 0) moved.push(index)
      instructions.push(...speakerOf(message).map(nameText), ...textsOf(message.content))
      continue
    }
    const decoded = decodeMessage(message, { index, lastAssistant, disclosures })
    placed.push({ index, message: decoded })
    if (message.role === 'assistant') lastAssistant = index
  }
  if (moved.length > 0) disclosures.remark(movedRemark(moved))
  checkToolResults(placed)
  const messages = placed.map(({ message }) => message)
  expectQuestion(requested, messages)
  return { instructions, messages }
}

type Place = {
  index: number
  /** Where the assistant spoke last: a result of the older form is for the call of that message. */
  lastAssistant: number
  disclosures: Disclosures
}

type InstructionMessage = Extract<ChatMessage, { role: 'system' | 'developer' }>
type TurnMessage = Exclude<ChatMessage, InstructionMessage>

function isInstruction(message: ChatMessage): message is InstructionMessage {
  return message.role === 'system' || message.role === 'developer'
}

function decodeMessage(message: TurnMessage, place: Place): Message {
  const { index, lastAssistant, disclosures } = place
  switch (message.role) {
    case 'user': {
      const content = userParts(message.content, index, disclosures)
      return message.name
        ? { role: 'user', content, name: message.name }
        : { role: 'user', content }
    }
    case 'assistant': {
      refuseAudio(message, index)
      if (message.name) {
        const why = 'A name before its own words would have the model begin its answers with one.'
        disclosures.ignore('messages[].name', why, `${fieldOf(index)}.name`)
      }
      return { role: 'assistant', content: assistantParts(message, index) }
    }
    case 'tool': {
      if (typeof message['name'] === 'string') {
        const why = 'The call that a result is for says which function it was.'
        disclosures.ignore('messages[].name', why, `${fieldOf(index)}.name`)
      }
      const content = userParts(message.content, index, disclosures)
      return { role: 'tool', callId: message.tool_call_id, content }
    }
    case 'function': {
      const content: UserPart[] = [{ type: 'text', text: message.content ?? '' }]
      return { role: 'tool', callId: legacyCallId(lastAssistant), content }
    }
  }
}

type Named = { name?: string | null | undefined }

/** The name of whoever speaks, in a list; an empty one is none. */
function speakerOf({ name }: Named): SpeakerName[] {
  return name ? [name] : []
}

function movedRemark(moved: readonly number[]): string {
  const fields = moved.map((index) => `messages[${index}]`).join(', ')
  return `${fields}: instructions that come after the conversation has begun were moved to its front`
}

/**
 * The last word is the user's or a tool's: behind one of the assistant's, Claude Code puts notes of its own as the user's words
 * (test/contract/last-word.test.ts), and the model would answer those.
 */
function expectQuestion(requested: readonly ChatMessage[], messages: readonly Message[]): void {
  const last = messages.at(-1)?.role
  if (last === 'user' || last === 'tool') return
  const index =
    messages.length === 0
      ? requested.length - 1
      : requested.findLastIndex(({ role }) => role === 'assistant')
  const why =
    last === 'assistant' ? ' Claude Code cannot let the model go on from its own words.' : ''
  const param = `messages[${index}].role`
  throw new TurnError(
    'invalid_value',
    `The last message must be the user's or a tool's; ${param} is "${requested[index]?.role}".${why} Add a message of role "user" after it.`,
    { param },
  )
}

function textsOf(content: string | readonly { text: string }[]): string[] {
  return typeof content === 'string' ? [content] : content.map(({ text }) => text)
}

function userParts(content: UserContent, index: number, disclosures: Disclosures): UserPart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return content.map((part, at): UserPart => {
    const partField = `${fieldOf(index)}.content[${at}]`
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
      case 'file':
        return filePart(part.file, `${partField}.file`)
      case 'input_audio':
        throw new TurnError(
          'unsupported_parameter',
          `${partField}.type "input_audio" is not supported: Claude does not hear. Send the words as text.`,
          { param: `${partField}.type` },
        )
    }
  })
}

function filePart({ file_data: url, file_id: id, filename }: FileRequest, field: string): UserPart {
  if (typeof url === 'string') {
    return { type: 'file', name: filename ?? 'file', url, field: `${field}.file_data` }
  }
  if (typeof id === 'string') {
    const param = `${field}.file_id`
    throw new TurnError(
      'unsupported_parameter',
      `${param} is not a file that is kept here. Upload it with POST /v1/files, or send its content as \`file_data\`.`,
      { param },
    )
  }
  const param = `${field}.file_data`
  throw new TurnError(
    'missing_required_parameter',
    `${param} is missing; it must be a data: URL.`,
    { param },
  )
}

/** An answer in sound is known to the API that gave it, and to nobody else. */
function refuseAudio({ audio }: AssistantMessageRequest, index: number): void {
  if (audio === null || audio === undefined) return
  const param = `${fieldOf(index)}.audio`
  throw new TurnError(
    'unsupported_parameter',
    `${param} is not supported: Claude does not hear. Send what was said as \`content\`.`,
    { param },
  )
}

function assistantParts(
  message: AssistantMessageRequest,
  index: number,
): (TextPart | ToolCallPart)[] {
  // What nearly every answer is.
  if (typeof message.content === 'string' && isTextAlone(message)) {
    return [{ type: 'text', text: message.content }]
  }
  const field = fieldOf(index)
  const calls = (message.tool_calls ?? []).map((call, at) =>
    decodeCall(call, `${field}.tool_calls[${at}]`),
  )
  if (message.function_call) {
    calls.push(functionCall(legacyCallId(index), message.function_call, `${field}.function_call`))
  }
  const { content, refusal } = message
  if (
    typeof content !== 'string' &&
    !content &&
    typeof refusal !== 'string' &&
    calls.length === 0
  ) {
    throw new TurnError(
      'missing_required_parameter',
      `${field}.content is missing; an assistant message must have a string, an array of parts, a \`refusal\` or \`tool_calls\`.`,
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
    ...calls,
  ]
}

function isTextAlone({ refusal, tool_calls, function_call }: AssistantMessageRequest): boolean {
  return typeof refusal !== 'string' && !tool_calls?.length && !function_call
}

function decodeCall(call: ToolCallRequest, field: string): ToolCallPart {
  if (call.type === 'function') return functionCall(call.id, call.function, `${field}.function`)
  const { name, input } = call.custom
  return { type: 'tool-call', id: call.id, name, input, kind: 'custom' }
}

function fieldOf(index: number): string {
  return `messages[${index}]`
}

/** The older form has no ids: a call is known by its message. */
function legacyCallId(index: number): string {
  return `call_message_${index}`
}
