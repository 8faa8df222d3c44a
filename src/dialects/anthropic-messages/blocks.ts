import { TurnError } from '../../turn/error.ts'
import type { UserPart } from '../../turn/message.ts'
import type { Disclosures } from '../openai-chat/disclosures.ts'
import type { DocumentBlock, ImageBlock, ResultBlock, SearchResultBlock } from './message-schema.ts'

type ContentBlock = Exclude<NonNullable<ResultBlock['content']>, string>[number]

/** A content block of the user's or of a tool's result, as parts. Throws a `TurnError` for what cannot be had here. */
export function decodeBlock(
  block: ContentBlock,
  field: string,
  disclosures: Disclosures,
): UserPart[] {
  switch (block.type) {
    case 'text':
      return [{ type: 'text', text: block.text }]
    case 'image':
      return [imagePart(block, field)]
    case 'document':
      return documentParts(block, field, disclosures)
    case 'search_result':
      return [searchResultPart(block, field, disclosures)]
    case 'tool_reference':
      return [{ type: 'text', text: block.tool_name }]
  }
}

function imagePart({ source }: ImageBlock, field: string): UserPart {
  switch (source.type) {
    case 'base64': {
      // What it is, the bytes say.
      const url = `data:${source.media_type};base64,${source.data}`
      return { type: 'image', source: { type: 'url', url, field: `${field}.source.data` } }
    }
    case 'url':
      if (!/^https?:\/\//i.test(source.url)) throw notAnAddress(`${field}.source.url`)
      return {
        type: 'image',
        source: { type: 'url', url: source.url, field: `${field}.source.url` },
      }
    case 'file':
      throw notKept(`${field}.source.file_id`)
  }
}

function documentParts(block: DocumentBlock, field: string, disclosures: Disclosures): UserPart[] {
  const { source, context } = block
  refuseCitations(block, field, disclosures)
  const about: UserPart[] = context ? [{ type: 'text', text: context }] : []
  const name = block.title ?? ''
  switch (source.type) {
    case 'base64': {
      const url = `data:${source.media_type};base64,${source.data}`
      return [...about, { type: 'file', name, url, field: `${field}.source.data` }]
    }
    case 'text':
      return [...about, textDocument(name, source.data)]
    case 'content':
      return [...about, ...contentParts(name, source.content, `${field}.source`)]
    case 'url': {
      const param = `${field}.source.type`
      throw new TurnError(
        'unsupported_parameter',
        `${param} "url" is not supported for documents: they are not fetched here. Send the content as base64.`,
        { param },
      )
    }
    case 'file':
      throw notKept(`${field}.source.file_id`)
  }
}

function contentParts(
  name: string,
  content: Extract<DocumentBlock['source'], { type: 'content' }>['content'],
  field: string,
): UserPart[] {
  if (typeof content === 'string') return [textDocument(name, content)]
  if (content.every((part) => part.type === 'text'))
    return [textDocument(name, content.map(({ text }) => text).join('\n\n'))]
  const title: UserPart[] = name === '' ? [] : [{ type: 'text', text: name }]
  return [
    ...title,
    ...content.map((part, index): UserPart =>
      part.type === 'text'
        ? { type: 'text', text: part.text }
        : imagePart(part, `${field}.content[${index}]`),
    ),
  ]
}

function searchResultPart(
  block: SearchResultBlock,
  field: string,
  disclosures: Disclosures,
): UserPart {
  refuseCitations(block, field, disclosures)
  const text = block.content.map((part) => part.text).join('\n\n')
  return textDocument(`${block.title} (${block.source})`, text)
}

function textDocument(name: string, text: string): UserPart {
  return { type: 'document', name, source: { type: 'text', text } }
}

function refuseCitations(
  { citations }: Pick<DocumentBlock, 'citations'>,
  field: string,
  disclosures: Disclosures,
): void {
  if (citations?.['enabled'] !== true) return
  const why = 'Claude Code tells no citations.'
  disclosures.ignore('messages[].content[].citations', why, `${field}.citations`)
}

function notKept(param: string): TurnError {
  return new TurnError(
    'unsupported_parameter',
    `${param} is not a file that is kept here. Send its content as base64.`,
    { param },
  )
}

function notAnAddress(param: string): TurnError {
  return new TurnError('invalid_value', `${param} must be an http(s) URL.`, { param })
}
