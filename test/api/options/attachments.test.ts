import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jpeg, pdf, png } from '../../attachments/pictures.ts'
import { question, stage } from './support.ts'

/** Limits small enough to be passed: a mebibyte is 1,048,576 bytes. */
const shared = stage({ FILE_LIMIT_MB: '0.01', IMAGE_LIMIT_MB: '0.01' })
const local = stage({ ALLOW_PRIVATE_NETWORK: 'true', WAITING_PROCESSES: '0' })

const picture = png(3, 2)
const photo = jpeg(4, 4)
const tooLarge = Buffer.alloc(20_000, 'x')

let root: string
beforeAll(async () => {
  root = shared.server.workspace
  await mkdir(join(root, 'src', 'deep'), { recursive: true })
  const files = {
    'README.md': '# Words of the readme',
    'src/a.ts': 'const a = 1',
    'src/b.ts': 'const b = 2',
    'src/deep/c.ts': 'const c = 3',
    'src/d.js': 'const d = 4',
    'paper.pdf': pdf,
    'picture.png': picture,
    'disguised.txt': photo,
    'large.txt': tooLarge,
    'large.png': png(120, 120, true),
    'data.bin': Buffer.from([0, 1, 2, 3, 255, 254, 0, 9]),
    'archive.zip': Buffer.from('PK\u0003\u0004\u0014\0\0\0\b\0 and more \xff', 'latin1'),
    'empty.txt': '',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), content)
  await symlink('/etc/hostname', join(root, 'way-out.txt'))
})

const asks = { type: 'text', text: 'Go.' }
const text = (title: string, data: string) => ({
  type: 'document',
  title,
  source: { type: 'text', media_type: 'text/plain', data },
})
const image = (bytes: Buffer, media_type = 'image/png') => ({
  type: 'image',
  source: { type: 'base64', media_type, data: bytes.toString('base64') },
})
const words = (said: string) => ({ type: 'text' as const, text: said })
const picturePart = (url: string) => ({ type: 'image_url' as const, image_url: { url } })
const says = (...content: (ReturnType<typeof words> | ReturnType<typeof picturePart>)[]) => ({
  messages: [{ role: 'user' as const, content }],
})
const dataUrl = (bytes: Buffer, type = 'image/png') =>
  `data:${type};base64,${bytes.toString('base64')}`

describe('files', () => {
  it('puts the content of text, PDF and pictures into the prompt with their paths, without a tool', async () => {
    const files = ['README.md', join(root, 'src/a.ts'), 'paper.pdf', 'picture.png']
    await shared.ask({ files, working_dir: root })
    expect(shared.request.body.tools).toEqual([])
    expect(question(shared.request)).toEqual([
      text('README.md', '# Words of the readme'),
      text('src/a.ts', 'const a = 1'),
      {
        type: 'document',
        title: 'paper.pdf',
        source: { type: 'base64', media_type: 'application/pdf', data: pdf.toString('base64') },
      },
      { type: 'text', text: 'picture.png' },
      image(picture),
      asks,
    ])
  })

  it('judges a picture by its content', async () => {
    await shared.ask({ files: ['disguised.txt'], working_dir: root })
    expect(question(shared.request)).toContainEqual(image(photo, 'image/jpeg'))
  })

  it('is relative to working_dir', async () => {
    await shared.ask({ files: ['a.ts', '../README.md'], working_dir: 'src' })
    expect(question(shared.request)).toEqual([
      text('a.ts', 'const a = 1'),
      text('../README.md', '# Words of the readme'),
      asks,
    ])
  })

  it.each([
    ['src/*.ts', ['src/a.ts', 'src/b.ts']],
    ['src/**/*.ts', ['src/a.ts', 'src/b.ts', 'src/deep/c.ts']],
    ['**/{c.ts,d.js}', ['src/d.js', 'src/deep/c.ts']],
  ])('takes the pattern %s', async (pattern, names) => {
    await shared.ask({ files: [pattern], working_dir: root })
    const titles = question(shared.request).flatMap(({ title }) => title ?? [])
    expect(new Set(titles)).toEqual(new Set(names))
    expect(titles).toHaveLength(names.length)
  })

  it.each([
    ['missing', 'missing.txt', 400, /'missing\.txt' does not exist/],
    ['a pattern without a match', 'src/*.py', 400, /src\/\*\.py/],
    ['a folder', 'src', 400, /'src' is a folder/],
    ['binary', 'data.bin', 400, /'data\.bin'.*binary/],
    ['an archive', 'archive.zip', 400, /'archive\.zip'.*zip/],
    ['too large', 'large.txt', 400, /large\.txt' is larger than 10486 bytes.*FILE_LIMIT_MB/],
    ['outside, absolute', '/etc/hostname', 403, /'\/etc\/hostname'.*WORKSPACE_ROOTS/],
    ['outside, with ..', '../config/settings.json', 403, /\.\.\/config.*WORKSPACE_ROOTS/],
    ['outside, by a link', 'way-out.txt', 403, /'way-out\.txt'.*WORKSPACE_ROOTS/],
    ['outside, and missing', '/no/such/file', 403, /'\/no\/such\/file'.*WORKSPACE_ROOTS/],
  ])('refuses a file that is %s, naming it', async (_, file, status, message) => {
    const refusal = await shared.refused({ files: ['README.md', file], working_dir: root })
    expect(refusal).toMatchObject({ status, param: 'claude_options.files[1]' })
    expect(refusal.message).toMatch(message)
    expect(shared.requests).toEqual([])
  })

  it('says that a file is empty', async () => {
    await shared.ask({ files: ['empty.txt'], working_dir: root })
    expect(JSON.stringify(question(shared.request))).toContain('empty.txt')
  })
})

describe('images', () => {
  it('become image blocks: paths, data URLs, in order, before the question', async () => {
    const images = ['picture.png', dataUrl(photo, 'image/jpeg'), join(root, 'disguised.txt')]
    await shared.ask({ images, working_dir: root })
    expect(question(shared.request)).toEqual([
      image(picture),
      image(photo, 'image/jpeg'),
      image(photo, 'image/jpeg'),
      asks,
    ])
  })

  it('are what their content is, whatever the URL says', async () => {
    await shared.ask({ images: [dataUrl(photo, 'image/png')] })
    expect(question(shared.request)).toEqual([image(photo, 'image/jpeg'), asks])
  })

  it.each([
    ['text', 'README.md', 400, /it is text/],
    ['a PDF', 'paper.pdf', 400, /it is a PDF/],
    ['text in a data URL', dataUrl(Buffer.from('just words')), 400, /it is text/],
    ['broken base64', 'data:image/png;base64,????', 400, /base64/],
    ['a cut picture', dataUrl(picture.subarray(0, 20)), 400, /damaged|it is/],
    ['too large', 'large.png', 400, /IMAGE_LIMIT_MB/],
    ['too large a data URL', dataUrl(png(120, 120, true)), 400, /IMAGE_LIMIT_MB/],
    ['missing', 'missing.png', 400, /does not exist/],
    ['outside', '/etc/hostname', 403, /WORKSPACE_ROOTS/],
    ['outside by a link', 'way-out.txt', 403, /WORKSPACE_ROOTS/],
    ['another kind of URL', 'file:///etc/hostname', 400, /file: URLs/],
  ])('are refused when they are %s', async (_, reference, status, message) => {
    const refusal = await shared.refused({ images: ['picture.png', reference], working_dir: root })
    expect(refusal).toMatchObject({ status, param: 'claude_options.images[1]' })
    expect(refusal.message).toMatch(message)
    expect(shared.requests).toEqual([])
  })
})

describe('pictures by URL', () => {
  let web: Server
  let url: string
  let fetched: string[] = []

  beforeAll(async () => {
    web = createServer((request, response) => {
      fetched.push(request.url ?? '')
      if (request.url === '/moved') return response.writeHead(302, { location: '/picture' }).end()
      if (request.url === '/missing') return response.writeHead(404).end()
      if (request.url === '/words') return response.end('just words')
      // What the server says of its type is not believed.
      response.setHeader('content-type', 'text/html')
      return response.end(picture)
    }).listen(0, '127.0.0.1')
    await once(web, 'listening')
    const address = web.address()
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  })
  afterAll(() => {
    web.close()
    web.closeAllConnections()
  })

  it.each(['/picture', '/moved'])('are fetched with ALLOW_PRIVATE_NETWORK: %s', async (path) => {
    await local.ask({ images: [url + path] })
    expect(question(local.request)).toEqual([image(picture), asks])
  })

  it.each([
    ['/missing', /404/],
    ['/words', /it is text/],
  ])('are refused when the server answers with no picture: %s', async (path, message) => {
    const refusal = await local.refused({ images: [url + path] })
    expect(refusal).toMatchObject({ status: 400, param: 'claude_options.images[0]' })
    expect(refusal.message).toMatch(message)
  })

  it('are never fetched from private addresses without it', async () => {
    fetched = []
    const port = new URL(url).port
    const hosts = ['127.0.0.1', 'localhost', '[::1]', '2130706433', '169.254.169.254', '10.0.0.1']
    for (const host of hosts) {
      expect(await shared.refused({ images: [`http://${host}:${port}/picture`] })).toMatchObject({
        status: 400,
        param: 'claude_options.images[0]',
        message: expect.stringContaining('ALLOW_PRIVATE_NETWORK'),
      })
    }
    expect(fetched).toEqual([])
    expect(shared.requests).toEqual([])
  })

  it('hold the same for image_url parts', async () => {
    await local.ask({}, says(words('Look.'), picturePart(`${url}/picture`)))
    expect(question(local.request)).toEqual([{ type: 'text', text: 'Look.' }, image(picture)])
    expect(
      await shared.refused({}, says(words('Look.'), picturePart(`${url}/picture`))),
    ).toMatchObject({
      status: 400,
      param: 'messages[0].content[1].image_url.url',
      message: expect.stringContaining('ALLOW_PRIVATE_NETWORK'),
    })
  })
})

describe('image_url parts', () => {
  it('become image blocks where they stand', async () => {
    const [first, second] = [picturePart(dataUrl(picture)), picturePart(dataUrl(photo))]
    await shared.ask({}, says(words('One.'), first, words('Two.'), second))
    expect(question(shared.request)).toEqual([
      words('One.'),
      image(picture),
      words('Two.'),
      image(photo, 'image/jpeg'),
    ])
  })

  it.each([
    [dataUrl(Buffer.from('just words')), /it is text/],
    [dataUrl(png(120, 120, true)), /IMAGE_LIMIT_MB/],
    ['file:///etc/hostname', /data: URL or an http/],
    ['/etc/hostname', /data: URL or an http/],
  ])('that are no pictures are a 400 naming the part (%#)', async (address, message) => {
    const refusal = await shared.refused({}, says(words('One.'), picturePart(address)))
    expect(refusal).toMatchObject({ status: 400, param: 'messages[0].content[1].image_url.url' })
    expect(refusal.message).toMatch(message)
  })
})
