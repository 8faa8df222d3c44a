import type { TurnError } from '../../turn/error.ts'
import type { ImagePart } from '../../turn/message.ts'
import { describeText, recognize } from './content.ts'
import { dimensionsOf } from './dimensions.ts'
import { refuse } from './refusal.ts'

/** The longest side that the Anthropic API takes, in pixels. Also keeps out small files that unpack to gigabytes. */
const longestSide = 8000

/** Checks that bytes are a picture that Claude reads, within the limits. `limitBytes` counts bytes before base64. */
export async function toImagePart(
  bytes: Buffer,
  field: string,
  limitBytes: number,
): Promise<ImagePart> {
  if (bytes.length > limitBytes) throw tooLarge(field, limitBytes)
  const content = await recognize(bytes)
  if (content.type === 'empty') throw refuse(field, 'the picture is empty.')
  if (content.type !== 'image') {
    const what = { pdf: () => 'a PDF', text: describeText, unknown: (name: string) => name }
    const came =
      content.type === 'pdf'
        ? what.pdf()
        : content.type === 'text'
          ? what.text(content.text)
          : what.unknown(content.name)
    throw refuse(field, `it is ${came}. Claude reads PNG, JPEG, GIF and WebP pictures.`)
  }
  const size = dimensionsOf(bytes, content.mediaType)
  if (!size) throw refuse(field, `the ${content.mediaType} picture is damaged or cut off.`)
  if (Math.max(size.width, size.height) > longestSide) {
    throw refuse(
      field,
      `the picture has ${size.width} × ${size.height} pixels; a side has at most ${longestSide}.`,
    )
  }
  return {
    type: 'image',
    source: { type: 'base64', mediaType: content.mediaType, data: bytes.toString('base64') },
  }
}

const limitSettings = { picture: 'IMAGE_LIMIT_MB', file: 'FILE_LIMIT_MB' } as const

export function tooLarge(
  field: string,
  limitBytes: number,
  what: keyof typeof limitSettings = 'picture',
): TurnError {
  return refuse(
    field,
    `the ${what} is larger than ${limitBytes} bytes, the limit that ${limitSettings[what]} sets.`,
  )
}
