import { describe, expect, it } from 'vitest'
import { blocksOf, toParts } from './kept-blocks.ts'

const parts = (content: unknown) => toParts(blocksOf(content))
const base64 = (media_type: string) => ({ type: 'base64', media_type, data: 'AAAA' })

describe('the blocks of a message', () => {
  it('may be a text alone, or none at all', () => {
    expect(parts(' a ')).toEqual([{ type: 'text', text: ' a ' }])
    expect(parts(undefined)).toEqual([])
  })

  it('are parts, without what only the API knows of them', () => {
    expect(
      parts([
        { type: 'text', text: 'a', citations: null },
        { type: 'image', source: base64('image/png') },
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        { type: 'document', source: base64('application/pdf'), title: 'a.pdf' },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'b' } },
      ]),
    ).toEqual([
      { type: 'text', text: 'a' },
      { type: 'image', source: { type: 'base64', mediaType: 'image/png', data: 'AAAA' } },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png', field: 'image' } },
      {
        type: 'document',
        name: 'a.pdf',
        source: { type: 'base64', mediaType: 'application/pdf', data: 'AAAA' },
      },
      { type: 'document', name: 'document', source: { type: 'text', text: 'b' } },
    ])
  })

  it('are shown as JSON where there is no other way', () => {
    for (const block of [
      { type: 'tool_reference', tool_name: 'a' },
      { type: 'image', source: base64('image/tiff') },
    ])
      expect(parts([block])).toEqual([{ type: 'text', text: JSON.stringify(block) }])
  })
})
