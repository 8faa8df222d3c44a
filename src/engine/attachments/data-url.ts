import { tooLarge } from './image-part.ts'
import { refuse } from './refusal.ts'

/** The bytes of a `data:` URL (RFC 2397). Only base64, and only as it is written by the book: padded, without line breaks. */
export function readDataUrl(
  url: string,
  field: string,
  limitBytes: number,
  what: 'picture' | 'file' = 'picture',
): Buffer {
  const comma = url.indexOf(',')
  const head = comma === -1 ? '' : url.slice(0, comma)
  if (!/;\s*base64\s*$/i.test(head.slice(-20))) {
    const example = what === 'picture' ? 'image/png' : 'application/pdf'
    throw refuse(field, `it is not a base64 data URL. Write \`data:${example};base64,…\`.`)
  }
  const length = url.length - comma - 1
  // Before anything is decoded: four characters are three bytes.
  if (length > Math.ceil(limitBytes / 3) * 4) throw tooLarge(field, limitBytes, what)
  const text = url.slice(comma + 1)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length > limitBytes) throw tooLarge(field, limitBytes, what)
  if (bytes.toString('base64') === text) return bytes
  throw refuse(field, 'the data URL has characters or padding that are not base64.')
}
