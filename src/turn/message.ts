/** Words as the caller wrote them; never trimmed, labelled or wrapped. */
export type TextPart = { type: 'text'; text: string }

/** The picture types that Claude reads (Anthropic Messages API, image blocks). */
export const imageMediaTypes = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const
export type ImageMediaType = (typeof imageMediaTypes)[number]

/** A picture: either its bytes (base64) with the type that the bytes themselves show, or a reference not resolved yet. */
export type ImagePart = {
  type: 'image'
  source:
    | { type: 'base64'; mediaType: ImageMediaType; data: string }
    | {
        type: 'url'
        /** `data:`, `http:` or `https:`; turned into base64 by the engine before it is used. */
        url: string
        /** The request field that named it, for error messages: `messages[0].content[1].image_url.url`. */
        field: string
      }
}

/** A PDF (base64) or a text file, with the name under which the model may refer to it. */
export type DocumentPart = {
  type: 'document'
  name: string
  source:
    { type: 'base64'; mediaType: 'application/pdf'; data: string } | { type: 'text'; text: string }
}

/** A file sent along, not looked into yet; the engine makes it a picture, a document or text by its content. */
export type FilePart = {
  type: 'file'
  name: string
  /** A `data:` URL. */
  url: string
  /** The request field, for error messages. */
  field: string
}

export type UserPart = TextPart | ImagePart | DocumentPart | FilePart

export type UserMessage = { role: 'user'; content: UserPart[]; name?: SpeakerName }

/** Who of several speakers of one role says it; never empty. */
export type SpeakerName = string

/** A call of one of the caller's tools, as the model made it. */
export type ToolCallPart = {
  type: 'tool-call'
  id: string
  name: string
  /** JSON text for a function, free text for a custom tool. */
  input: string
  kind: 'function' | 'custom'
}

/** Thinking that was shown, with the API's seal where there is one: without it the API does not take it back. */
export type ReasoningPart = { type: 'reasoning'; text: string; signature?: string }

/** Thinking that only the API can read. */
export type SealedReasoningPart = { type: 'sealed-reasoning'; data: string }

export type AssistantMessage = {
  role: 'assistant'
  content: (TextPart | ReasoningPart | SealedReasoningPart | ToolCallPart)[]
}

/** What came of one call. */
export type ToolMessage = {
  role: 'tool'
  callId: string
  content: UserPart[]
  /** The tool failed, and the content says how. */
  isError?: true
}

/** One turn of the conversation, in the order in which the caller sent it. */
export type Message = UserMessage | AssistantMessage | ToolMessage

/** A speaker's name in words, for a model that knows only roles (docs/messages.md). */
export function nameText(name: SpeakerName): string {
  return `name: ${name}`
}
