import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { gif, jpeg, pdf, png, webp } from '../../../test/attachments/pictures.ts'
import { TurnError } from '../../turn/error.ts'
import type { ImagePart, Message } from '../../turn/message.ts'
import { openWorkspace } from '../workspace/workspace.ts'
import { type ImageSources, resolveImage, resolveImageParts } from './images.ts'

let root: string
let sources: ImageSources
let fetched: string[]
let running = 0
let mostRunning = 0

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'images-')))
  fetched = []
  running = 0
  mostRunning = 0
  sources = {
    limitBytes: 1000,
    signal: new AbortController().signal,
    place: { workspace: await openWorkspace({ roots: [root] }), base: root },
    fetchRemote: async (url, field) => {
      fetched.push(url)
      running += 1
      mostRunning = Math.max(mostRunning, running)
      await sleep(2)
      running -= 1
      if (url.endsWith('bad'))
        throw new TurnError('invalid_value', `${field}: bad`, { param: field })
      return png(2, 2)
    },
  }
})

afterEach(() => rm(root, { recursive: true, force: true }))

function dataUrl(bytes: Buffer | string, type = 'image/png'): string {
  return `data:${type};base64,${typeof bytes === 'string' ? bytes : bytes.toString('base64')}`
}

function picture(bytes: Buffer, mediaType: string) {
  return { type: 'image', source: { type: 'base64', mediaType, data: bytes.toString('base64') } }
}

const unresolved = (url: string, field = 'messages[0].content[0].image_url.url'): ImagePart => ({
  type: 'image',
  source: { type: 'url', url, field },
})

describe('resolveImage', () => {
  it.each([
    ['image/png', png(2, 2)],
    ['image/jpeg', jpeg(2, 2)],
    ['image/gif', gif(2, 2)],
    ['image/webp', webp('VP8L', 2, 2)],
  ])('finds out %s by the bytes, whatever the header says', async (type, bytes) => {
    expect(await resolveImage(dataUrl(bytes, 'text/html'), 'f', sources)).toEqual(
      picture(bytes, type),
    )
    await writeFile(join(root, 'picture.txt'), bytes)
    expect(await resolveImage('picture.txt', 'f', sources)).toEqual(picture(bytes, type))
  })

  it('takes parameters and any case in the head of a data URL', async () => {
    const data = png(2, 2).toString('base64')
    await expect(
      resolveImage(`DATA:image/png;name=a.png;BASE64,${data}`, 'f', sources),
    ).resolves.toBeDefined()
    await expect(resolveImage(`data:;base64,${data}`, 'f', sources)).resolves.toBeDefined()
  })

  it.each([
    [
      'an SVG',
      dataUrl(Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')),
      'an SVG drawing',
    ],
    ['HTML', dataUrl(Buffer.from('<!doctype html><p>')), 'an HTML page'],
    ['text', dataUrl(Buffer.from('hello')), 'it is text'],
    ['a PDF', dataUrl(pdf), 'a PDF'],
    ['BMP', dataUrl(Buffer.from(`424d${'00'.repeat(60)}`, 'hex')), 'image/bmp'],
    ['TIFF', dataUrl(Buffer.from(`49492a0008000000${'00'.repeat(60)}`, 'hex')), 'image/tiff'],
    [
      'HEIC',
      dataUrl(Buffer.from(`0000001866747970686569630000000068656963${'00'.repeat(20)}`, 'hex')),
      'image/heic',
    ],
    ['nothing', 'data:image/png;base64,', 'empty'],
    ['a data URL without base64', 'data:image/png,abc', 'not a base64 data URL'],
    ['a data URL without a comma', 'data:image/png;base64', 'not a base64 data URL'],
    ['wrong characters', dataUrl('a!cd'), 'not base64'],
    [
      'line breaks',
      dataUrl(
        `${png(2, 2).toString('base64').slice(0, 8)}\n${png(2, 2).toString('base64').slice(8)}`,
      ),
      'not base64',
    ],
    [
      'missing padding',
      dataUrl(Buffer.from('abcd').toString('base64').replaceAll('=', '')),
      'not base64',
    ],
    ['bits after the end', dataUrl('QUJDRF=='), 'not base64'],
    ['a picture cut off', dataUrl(png(2, 2).subarray(0, 18)), 'image'],
    ['too many pixels', dataUrl(gif(8001, 2)), '8001 × 2 pixels'],
    [
      'too many bytes',
      dataUrl(Buffer.concat([png(2, 2), Buffer.alloc(1000)])),
      'larger than 1000 bytes, the limit that IMAGE_LIMIT_MB sets',
    ],
    ['a file URL', 'file:///etc/hostname', 'cannot come from file: URLs'],
    ['FTP', 'ftp://example.org/a.png', 'cannot come from ftp: URLs'],
    ['a missing file', 'missing.png', 'does not exist'],
    ['an empty path', '', 'empty'],
  ])('refuses %s', async (_, reference, words) => {
    const error: unknown = await resolveImage(reference, 'claude_options.images[0]', sources).catch(
      (error: unknown) => error,
    )
    expect(error).toMatchObject({ code: 'invalid_value', param: 'claude_options.images[0]' })
    expect(String(error)).toContain(words)
    expect(String(error).length).toBeLessThan(300)
  })

  it('refuses files outside, and files too large by the right setting', async () => {
    await expect(resolveImage('../x.png', 'f', sources)).rejects.toMatchObject({
      code: 'forbidden',
    })
    await writeFile(join(root, 'big.png'), Buffer.concat([png(2, 2), Buffer.alloc(1000)]))
    await expect(resolveImage('big.png', 'f', sources)).rejects.toThrow('IMAGE_LIMIT_MB')
  })
})

describe('resolveImageParts', () => {
  it('replaces every picture in its place and fetches each URL once', async () => {
    const earlier: Message[] = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          unresolved('https://x.example/1'),
          unresolved('https://x.example/2'),
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'b' }] },
      {
        role: 'user',
        content: [unresolved('https://x.example/1'), unresolved(dataUrl(gif(1, 1)))],
      },
    ]
    const remote = picture(png(2, 2), 'image/png')
    expect(await resolveImageParts(earlier, sources)).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'a' }, remote, remote] },
      { role: 'assistant', content: [{ type: 'text', text: 'b' }] },
      { role: 'user', content: [remote, picture(gif(1, 1), 'image/gif')] },
    ])
    expect(fetched.sort()).toEqual(['https://x.example/1', 'https://x.example/2'])
  })

  it('works on at most four at a time', async () => {
    const content = Array.from({ length: 20 }, (_, index) =>
      unresolved(`https://x.example/${index}`),
    )
    await resolveImageParts([{ role: 'user', content }], sources)
    expect(fetched).toHaveLength(20)
    expect(mostRunning).toBe(4)
  })

  it('stops at the first failure, which names its own field', async () => {
    const content = ['bad', ...Array.from({ length: 20 }, String)].map((name, index) =>
      unresolved(`https://x.example/${name}`, `f${index}`),
    )
    await expect(resolveImageParts([{ role: 'user', content }], sources)).rejects.toMatchObject({
      param: 'f0',
    })
    await sleep(20)
    expect(fetched.length).toBeLessThan(9)
  })

  it('does not take paths when no place is given', async () => {
    const { place: _, ...remoteOnly } = sources
    await writeFile(join(root, 'a.png'), png(2, 2))
    const messages: Message[] = [{ role: 'user', content: [unresolved(join(root, 'a.png'))] }]
    await expect(resolveImageParts(messages, remoteOnly)).rejects.toThrow(
      'Name files in `claude_options.images`',
    )
  })

  it('does nothing once the caller has left', async () => {
    const signal = AbortSignal.abort(new TurnError('request_cancelled', 'left'))
    const messages: Message[] = [{ role: 'user', content: [unresolved('https://x.example/1')] }]
    await expect(resolveImageParts(messages, { ...sources, signal })).rejects.toThrow('left')
    expect(fetched).toEqual([])
  })
})
