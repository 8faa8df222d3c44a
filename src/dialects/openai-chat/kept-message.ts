import type {
  ChatCompletionAssistantMessageParam,
  ChatCompletionContentPart,
  ChatCompletionContentPartText,
  ChatCompletionToolMessageParam,
  ChatCompletionUserMessageParam,
} from 'openai/resources/chat/completions'
import type { AssistantMessage, DocumentPart, Message, UserPart } from '../../turn/message.ts'
import type { SessionMessage } from '../../turn/session-message.ts'
import { dataUrl, encodePicture } from './pictures.ts'
import { encodeCalls } from './tool-calls.ts'

/** Pictures may be in results as well; OpenAI's own type has only text there. */
type ToolMessage = Omit<ChatCompletionToolMessageParam, 'content'> & {
  content: string | ChatCompletionContentPart[]
}

/** A message as it can be sent again in a request's `messages`. `created_at` is Unix time in seconds. */
export type EncodedMessage = { id: string; created_at: number } & (
  | ChatCompletionUserMessageParam
  | (ChatCompletionAssistantMessageParam & { reasoning_content?: string })
  | ToolMessage
)

export function encodeKept({ id, createdMs, message, reasoning }: SessionMessage): EncodedMessage {
  return {
    id,
    created_at: Math.floor(createdMs / 1000),
    ...encodeMessage(message),
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
  }
}

function encodeMessage(message: Message) {
  switch (message.role) {
    case 'user': {
      const { role, content, name } = message
      return { role, content: encodeContent(content), ...(name !== undefined && { name }) }
    }
    case 'assistant':
      return encodeAnswer(message)
    case 'tool': {
      const { role, callId, content } = message
      return { role, tool_call_id: callId, content: encodeContent(content) }
    }
  }
}

function encodeAnswer({ role, content }: AssistantMessage): ChatCompletionAssistantMessageParam {
  const text = content.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const { tool_calls: calls } = encodeCalls(
    content.filter((part) => part.type === 'tool-call'),
    false,
  )
  return { role, content: text === '' && calls ? null : text, ...(calls && { tool_calls: calls }) }
}

/** One text alone is a string, which every client reads. */
function encodeContent(parts: readonly UserPart[]): string | ChatCompletionContentPart[] {
  const [first] = parts
  if (first === undefined) return ''
  return parts.length === 1 && first.type === 'text' ? first.text : parts.map(encodePart)
}

function encodePart(part: UserPart): ChatCompletionContentPart {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text } satisfies ChatCompletionContentPartText
    case 'image':
      return encodePicture(part)
    case 'document':
      return { type: 'file', file: { filename: part.name, file_data: documentUrl(part) } }
    case 'file':
      return { type: 'file', file: { filename: part.name, file_data: part.url } }
  }
}

function documentUrl({ source }: DocumentPart): string {
  return source.type === 'text'
    ? dataUrl({ mediaType: 'text/plain', data: Buffer.from(source.text).toString('base64') })
    : dataUrl(source)
}
