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
          part.type === 'file' ? resolveFile(part, limits) : part,
        ),
      )
      return { ...message, content }
    }),
  )
}

async function resolveFile(
  { url, name, field }: FilePart,
  { fileBytes, imageBytes }: SentFileLimits,
): Promise<UserPart> {
  const bytes = readDataUrl(url, field, fileBytes, 'file')
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
