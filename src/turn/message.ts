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

export type UserPart = TextPart | ImagePart | DocumentPart

export type UserMessage = { role: 'user'; content: UserPart[] }
export type AssistantMessage = { role: 'assistant'; content: TextPart[] }

/** One turn of the conversation, in the order in which the caller sent it. */
export type Message = UserMessage | AssistantMessage
