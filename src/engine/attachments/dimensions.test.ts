import { describe, expect, it } from 'vitest'
import { gif, jpeg, png, webp } from '../../../test/attachments/pictures.ts'
import { dimensionsOf } from './dimensions.ts'

const size = { width: 300, height: 7 }

describe('dimensionsOf', () => {
  it.each([
    ['image/png', png(300, 7)],
    ['image/gif', gif(300, 7)],
    ['image/jpeg', jpeg(300, 7)],
    ['image/webp', webp('VP8 ', 300, 7)],
    ['image/webp', webp('VP8L', 300, 7)],
    ['image/webp', webp('VP8X', 300, 7)],
  ] as const)('reads the size of %s (%#)', (type, bytes) => {
    expect(dimensionsOf(bytes, type)).toEqual(size)
  })

  it.each([
    ['image/png', png(300, 7).subarray(0, 20)],
    ['image/gif', gif(0, 7)],
    ['image/jpeg', jpeg(300, 7).subarray(0, 12)],
    ['image/jpeg', Buffer.from([0xff, 0xd8, 0xff, 0xfe, 0, 0])],
    ['image/webp', webp('VP8 ', 300, 7).fill(0x20, 12, 16)],
  ] as const)('knows no size of a damaged %s (%#)', (type, bytes) => {
    expect(dimensionsOf(bytes, type)).toBeUndefined()
  })
})
