import { TurnError } from '../../turn/error.ts'
import type { UserPart } from '../../turn/message.ts'
import type { Disclosures } from '../openai-chat/disclosures.ts'
import type { Content, Part } from './item-schema.ts'

/** The parts of a message or of a call's output. `field` is where they stand: `input[2].content`. */
export function decodeParts(content: Content, field: string, disclosures: Disclosures): UserPart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return content.map((part, index) => decodePart(part, `${field}[${index}]`, disclosures))
}

/** The words of a message whose author says nothing but words. Throws for a picture or a file. */
export function textsOf(content: Content, field: string): string[] {
  if (typeof content === 'string') return [content]
  return content.map((part, index) => {
    if (part.type === 'refusal') return part.refusal
    if ('text' in part && typeof part.text === 'string') return part.text
    const param = `${field}[${index}].type`
    throw new TurnError(
      'invalid_value',
      `${param} must be text here; got "${part.type}". Send it in a message of the user.`,
      { param },
    )
  })
}

function decodePart(part: Part, field: string, disclosures: Disclosures): UserPart {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
    case 'summary_text':
    case 'reasoning_text':
      return { type: 'text', text: part.text }
    case 'refusal':
      return { type: 'text', text: part.refusal }
    case 'input_image': {
      discloseDetail(part.detail, `${field}.detail`, disclosures)
      const { image_url: url } = part
      if (typeof url !== 'string') throw unknownContent(part.file_id, field, 'image_url')
      return { type: 'image', source: { type: 'url', url, field: `${field}.image_url` } }
    }
    case 'image_url': {
      const image = typeof part.image_url === 'string' ? { url: part.image_url } : part.image_url
      discloseDetail(image.detail, `${field}.image_url.detail`, disclosures)
      return { type: 'image', source: { type: 'url', url: image.url, field: `${field}.image_url` } }
    }
    case 'input_file':
      return filePart(part, field)
    case 'file':
      return filePart(part.file, `${field}.file`)
    case 'input_audio':
      throw new TurnError(
        'unsupported_parameter',
        `${field}.type "input_audio" is not supported: Claude does not hear. Send the words as text.`,
        { param: `${field}.type` },
      )
  }
}

type FileRequest = Pick<
  Extract<Part, { type: 'input_file' }>,
  'file_data' | 'file_id' | 'file_url' | 'filename'
>

function filePart(part: FileRequest, field: string): UserPart {
  const { file_data: url, file_url: elsewhere, file_id: id, filename } = part
  if (typeof url === 'string') {
    return { type: 'file', name: filename ?? 'file', url, field: `${field}.file_data` }
  }
  if (typeof elsewhere === 'string') {
    const param = `${field}.file_url`
    throw new TurnError(
      'unsupported_parameter',
      `${param} is not supported: files are not fetched from elsewhere. Send the content as \`file_data\`, or upload it with POST /v1/files.`,
      { param },
    )
  }
  throw unknownContent(id, field, 'file_data')
}

function discloseDetail(
  detail: string | null | undefined,
  param: string,
  disclosures: Disclosures,
): void {
  if (detail === null || detail === undefined || detail === 'auto') return
  disclosures.ignore('input_image.detail', 'Claude reads every picture alike.', param)
}

/** Uploaded files have their content in place of their id by now. */
function unknownContent(id: unknown, field: string, wanted: string): TurnError {
  if (typeof id === 'string') {
    const param = `${field}.file_id`
    return new TurnError(
      'unsupported_parameter',
      `${param} is not a file that is kept here. Upload it with POST /v1/files, or send its content as \`${wanted}\`.`,
      { param },
    )
  }
  const param = `${field}.${wanted}`
  return new TurnError(
    'missing_required_parameter',
    `${param} is missing; it must be a data: URL.`,
    {
      param,
    },
  )
}
