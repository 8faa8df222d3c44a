import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages'
import type { DocumentPart, UserPart } from '../../turn/message.ts'

/** The longest title that the Messages API takes for a document. */
const longestTitle = 500

/**
 * Parts of a message as the Anthropic Messages API has them. Pictures must have been resolved (`resolveImageParts`); one that was
 * not is a fault of this program. Empty texts, which the API refuses, are left out.
 */
export function toContentBlocks(parts: readonly UserPart[]): ContentBlockParam[] {
  return parts.flatMap((part) => {
    switch (part.type) {
      case 'text':
        return part.text === '' ? [] : [{ type: 'text', text: part.text }]
      case 'image': {
        const { source } = part
        if (source.type === 'url')
          throw new Error(`The picture of ${source.field} was not resolved`)
        return [
          {
            type: 'image',
            source: { type: 'base64', media_type: source.mediaType, data: source.data },
          },
        ]
      }
      case 'document':
        return [toDocumentBlock(part)]
      case 'file':
        throw new Error(`The file of ${part.field} was not looked into`)
    }
  })
}

function toDocumentBlock({ name, source }: DocumentPart): ContentBlockParam {
  // The end of a path says more than its beginning.
  const title = name.length > longestTitle ? `…${name.slice(1 - longestTitle)}` : name
  const content =
    source.type === 'text'
      ? ({ type: 'text', media_type: 'text/plain', data: source.text } as const)
      : ({ type: 'base64', media_type: source.mediaType, data: source.data } as const)
  return { type: 'document', source: content, ...(title !== '' && { title }) }
}
