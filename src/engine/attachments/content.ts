import { fileTypeFromBuffer } from 'file-type'
import { type ImageMediaType, imageMediaTypes } from '../../turn/message.ts'

/** What bytes are, judged by themselves alone; names and headers are not asked. */
export type Content =
  | { type: 'empty' }
  | { type: 'image'; mediaType: ImageMediaType }
  | { type: 'pdf' }
  | { type: 'text'; text: string }
  /** `name` is for error messages. */
  | { type: 'unknown'; name: string }

export async function recognize(bytes: Buffer): Promise<Content> {
  if (bytes.length === 0) return { type: 'empty' }
  if (bytes.subarray(0, 5).toString('latin1') === '%PDF-') return { type: 'pdf' }
  // The start is enough, and bounds what an archive made to be slow can cost.
  const found = await fileTypeFromBuffer(bytes.subarray(0, 4100))
  const mediaType = imageMediaTypes.find(
    (type) => type === (found?.mime === 'image/apng' ? 'image/png' : found?.mime),
  )
  if (mediaType) return { type: 'image', mediaType }
  const text = decodeText(bytes)
  if (text !== undefined) return { type: 'text', text }
  const start = bytes.toString('hex', 0, 2)
  if (start === 'fffe' || start === 'feff') return { type: 'unknown', name: 'text in UTF-16' }
  return {
    type: 'unknown',
    name: found ? `a file of type ${found.mime}` : 'binary data of an unknown type',
  }
}

/** What a text is, for the message that refuses it as a picture. */
export function describeText(text: string): string {
  const start = text.slice(0, 1000)
  if (/<svg[\s>]/i.test(start)) return 'an SVG drawing'
  return /^\s*<(!doctype html|html)/i.test(start) ? 'an HTML page' : 'text'
}

/** UTF-8 without NUL. A byte order mark says how text is written down and is no part of it. */
function decodeText(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Not UTF-8: the caller is told so.
    return undefined
  }
}
