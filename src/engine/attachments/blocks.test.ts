import { describe, expect, it } from 'vitest'
import { toContentBlocks } from './blocks.ts'

const titled = (name: string) =>
  toContentBlocks([{ type: 'document', name, source: { type: 'text', text: 'x' } }])

describe('toContentBlocks', () => {
  it('writes each part as the Messages API has it, in order', () => {
    expect(
      toContentBlocks([
        {
          type: 'document',
          name: 'a.pdf',
          source: { type: 'base64', mediaType: 'application/pdf', data: 'JVBERi0=' },
        },
        { type: 'document', name: 'a.txt', source: { type: 'text', text: ' x\n' } },
        { type: 'text', text: '  kept  ' },
        { type: 'text', text: '' },
        { type: 'image', source: { type: 'base64', mediaType: 'image/gif', data: 'R0lG' } },
      ]),
    ).toEqual([
      {
        type: 'document',
        title: 'a.pdf',
        source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
      },
      {
        type: 'document',
        title: 'a.txt',
        source: { type: 'text', media_type: 'text/plain', data: ' x\n' },
      },
      { type: 'text', text: '  kept  ' },
      { type: 'image', source: { type: 'base64', media_type: 'image/gif', data: 'R0lG' } },
    ])
  })

  it('keeps the end of a title that the API would refuse, and leaves out one that is empty', () => {
    expect(JSON.parse(JSON.stringify(titled(`${'d/'.repeat(400)}end.txt`)))[0].title).toHaveLength(
      500,
    )
    expect(titled('')[0]).not.toHaveProperty('title')
  })

  it('fails on a picture that was not resolved', () => {
    expect(() =>
      toContentBlocks([
        { type: 'image', source: { type: 'url', url: 'https://x.example', field: 'f' } },
      ]),
    ).toThrow('not resolved')
  })
})
