import type { ImageMediaType } from '../../turn/message.ts'

/** In pixels. */
export type Dimensions = { width: number; height: number }

/** What a picture's own header says of its size; undefined when the header is damaged or cut off. */
export function dimensionsOf(bytes: Buffer, type: ImageMediaType): Dimensions | undefined {
  try {
    const size = readers[type](bytes)
    return size && size.width > 0 && size.height > 0 ? size : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Each throws a RangeError past the end. */
const readers: Record<ImageMediaType, (bytes: Buffer) => Dimensions | undefined> = {
  'image/png': (bytes) => ({ width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }),
  'image/gif': (bytes) => ({ width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }),
  'image/jpeg': jpeg,
  'image/webp': webp,
}

/** Steps from marker to marker up to the frame header (ITU-T T.81, B.2.2). */
function jpeg(bytes: Buffer): Dimensions | undefined {
  let at = 2
  while (bytes.readUInt8(at) === 0xff) {
    const marker = bytes.readUInt8(at + 1)
    const standsAlone = marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)
    const isFrame =
      marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (isFrame) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) }
    if (marker === 0xff) at += 1
    else at += standsAlone ? 2 : 2 + bytes.readUInt16BE(at + 2)
  }
  return undefined
}

/** The three kinds of WebP (RFC 9649). */
function webp(bytes: Buffer): Dimensions | undefined {
  const chunk = bytes.toString('latin1', 12, 16)
  if (chunk === 'VP8 ')
    return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
  if (chunk === 'VP8X')
    return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
  if (chunk !== 'VP8L') return undefined
  const packed = bytes.readUInt32LE(21)
  return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
}
