import { describe, expect, it } from 'vitest'
import { pdf, png } from '../../../test/attachments/pictures.ts'
import type { Message, UserPart } from '../../turn/message.ts'
import { resolveSentFiles } from './sent-files.ts'

const limits = { fileBytes: 1_000, imageBytes: 500 }

function sent(
  bytes: Uint8Array | string,
  name = 'notes.txt',
  type = 'application/octet-stream',
): UserPart {
  const data = Buffer.from(bytes).toString('base64')
  return { type: 'file', name, url: `data:${type};base64,${data}`, field: 'the_field' }
}

async function resolved(part: UserPart): Promise<UserPart | undefined> {
  const [message] = await resolveSentFiles([{ role: 'user', content: [part] }], limits)
  return message?.role === 'user' ? message.content[0] : undefined
}

describe('resolveSentFiles', () => {
  it('makes a PDF a document with its name, whatever it says it is', async () => {
    const bytes = pdf
    expect(await resolved(sent(bytes, 'a.txt', 'text/plain'))).toEqual({
      type: 'document',
      name: 'a.txt',
      source: {
        type: 'base64',
        mediaType: 'application/pdf',
        data: Buffer.from(bytes).toString('base64'),
      },
    })
  })

  it('makes text a text document, word for word', async () => {
    expect(await resolved(sent(' é\r\n@x '))).toEqual({
      type: 'document',
      name: 'notes.txt',
      source: { type: 'text', text: ' é\r\n@x ' },
    })
  })

  it('makes a picture a picture, by its content', async () => {
    expect(await resolved(sent(png(2, 2), 'a.pdf'))).toMatchObject({
      type: 'image',
      source: { type: 'base64', mediaType: 'image/png' },
    })
  })

  it('looks into the results of tools too, and leaves all else as it is', async () => {
    const messages: Message[] = [
      { role: 'user', content: [{ type: 'text', text: 'x' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'y' }] },
      { role: 'tool', callId: 'a', content: [{ type: 'text', text: 'z' }, sent('file')] },
    ]
    const found = await resolveSentFiles(messages, limits)
    expect(found.slice(0, 2)).toEqual(messages.slice(0, 2))
    expect(found[2]?.content.map(({ type }) => type)).toEqual(['text', 'document'])
  })

  it.each<[string, UserPart, string]>([
    ['nothing', sent(''), 'empty'],
    ['something unknown', sent(new Uint8Array([0, 1, 2])), 'binary data'],
    ['too much', sent('x'.repeat(1_001)), 'limit that FILE_LIMIT_MB sets'],
    [
      'a picture that is too large',
      sent(Buffer.concat([png(2, 2), Buffer.alloc(600)])),
      'limit that IMAGE_LIMIT_MB sets',
    ],
    [
      'no base64',
      { type: 'file', name: '', url: 'data:text/plain,x', field: 'the_field' },
      'base64',
    ],
    ['no data URL', { type: 'file', name: '', url: 'eA==', field: 'the_field' }, 'base64'],
  ])('refuses %s, and names the field', async (_, part, words) => {
    await expect(resolved(part)).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'the_field',
      message: expect.stringContaining(words),
    })
  })
})
