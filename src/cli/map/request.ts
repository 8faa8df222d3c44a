import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { DocumentContent } from './documents.ts'

/** What is asked of every document. */
export type MapQuestion = {
  prompt: string
  system?: string
  model: string
  /** A JSON Schema that answers obey. */
  schema?: Record<string, unknown>
  /** More fields of the request. */
  body: Record<string, unknown>
}

export const mapEndpoint = '/v1/chat/completions'

/** A path so long leaves room for the digest: ids have at most 512 characters. */
const longestPath = 480

/** The name of a document's line: another one when the document has changed. */
export function lineId(path: string, bytes: Uint8Array): string {
  const digest = createHash('sha256').update(path).update('\0').update(bytes).digest('hex')
  return `${path.slice(-longestPath)}#${digest.slice(0, 16)}`
}

/** A line of a batch's input: the document and the prompt, each a part of its own. */
export function mapLine(
  id: string,
  document: { path: string; bytes: Buffer; content: DocumentContent },
  { prompt, system, model, schema, body }: MapQuestion,
): Buffer {
  const content = [documentPart(document), { type: 'text', text: prompt }]
  const line = {
    custom_id: id,
    method: 'POST',
    url: mapEndpoint,
    body: {
      model,
      ...body,
      messages: [
        ...(system === undefined ? [] : [{ role: 'system', content: system }]),
        { role: 'user', content },
      ],
      ...(schema && {
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
      }),
    },
  }
  return Buffer.from(JSON.stringify(line))
}

function documentPart({
  path,
  bytes,
  content,
}: {
  path: string
  bytes: Buffer
  content: DocumentContent
}): object {
  switch (content.type) {
    case 'text':
      return { type: 'text', text: content.text }
    case 'image':
      return { type: 'image_url', image_url: { url: dataUrl(content.mediaType, bytes) } }
    case 'pdf':
      return {
        type: 'file',
        file: { filename: posix.basename(path), file_data: dataUrl('application/pdf', bytes) },
      }
  }
}

function dataUrl(mediaType: string, bytes: Buffer): string {
  return `data:${mediaType};base64,${bytes.toString('base64')}`
}
