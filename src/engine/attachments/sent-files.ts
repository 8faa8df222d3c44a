import type { FilePart, Message, UserPart } from '../../turn/message.ts'
import { recognize } from './content.ts'
import { readDataUrl } from './data-url.ts'
import { toImagePart } from './image-part.ts'
import { refuse } from './refusal.ts'

/** Limits in bytes. */
export type SentFileLimits = { fileBytes: number; imageBytes: number }

/** Every file that was sent along with a message, as a picture, a document or text: judged by its content. */
export async function resolveSentFiles(
  messages: readonly Message[],
  limits: SentFileLimits,
): Promise<Message[]> {
  return Promise.all(
    messages.map(async (message) => {
      if (message.role === 'assistant' || !message.content.some(({ type }) => type === 'file'))
        return message
      const content = await Promise.all(
        message.content.map(async (part) =>
          part.type === 'file'
            ? sentPart(part, readSentFile(part, limits.fileBytes), limits)
            : part,
        ),
      )
      return { ...message, content }
    }),
  )
}

/** The bytes of a file that was sent along. */
export function readSentFile({ url, field }: FilePart, limitBytes: number): Buffer {
  return readDataUrl(url, field, limitBytes, 'file')
}

/** What its bytes are for the model. */
export async function sentPart(
  { name, field }: FilePart,
  bytes: Buffer,
  { imageBytes }: Pick<SentFileLimits, 'imageBytes'>,
): Promise<UserPart> {
  const content = await recognize(bytes)
  switch (content.type) {
    case 'empty':
      throw refuse(field, 'the file is empty.')
    case 'image':
      return toImagePart(bytes, field, imageBytes)
    case 'pdf':
      return {
        type: 'document',
        name,
        source: { type: 'base64', mediaType: 'application/pdf', data: bytes.toString('base64') },
      }
    case 'text':
      return { type: 'document', name, source: { type: 'text', text: content.text } }
    case 'unknown':
      throw refuse(field, `the file is ${content.name}; a PDF, a text or a picture is allowed.`)
  }
}
