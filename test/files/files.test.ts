import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type OpenAI, toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FileBook } from '../../src/files/file-book.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { png } from '../attachments/pictures.ts'
import { describeEngines } from '../conformance/stores.ts'
import { clientWith, makeKey } from '../keys/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: OpenAI
let other: OpenAI
const dataKey = 'a-key-for-tests-only'

beforeAll(async () => {
  server = await startTestServer({ DATA_KEY: dataKey, UPLOAD_LIMIT_MB: '3', FILE_LIMIT_MB: '1' })
  const options = { dataDir: server.dataDir, dataKey }
  const keys = { ...server, ...options }
  client = clientWith(server, (await makeKey(keys)).text)
  other = clientWith(server, (await makeKey(keys)).text)
})
afterAll(() => server.close())

async function uploaded(content: string | Buffer, name = 'notes.txt'): Promise<OpenAI.FileObject> {
  return client.files.create({
    file: await toFile(Buffer.from(content), name),
    purpose: 'user_data',
  })
}

describe('/v1/files with the openai client', { timeout: 60_000 }, () => {
  it('uploads, retrieves, gives back and deletes', async () => {
    const content = Buffer.from(Array.from({ length: 2_500_000 }, (_, index) => index % 251))
    const file = await uploaded(content, 'räksmörgås.bin')
    expect(file).toMatchObject({
      object: 'file',
      bytes: content.length,
      filename: 'räksmörgås.bin',
      purpose: 'user_data',
      status: 'processed',
    })
    expect(await client.files.retrieve(file.id)).toEqual(file)
    const back = await client.files.content(file.id)
    expect(Buffer.from(await back.arrayBuffer()).equals(content)).toBe(true)
    expect(back.headers.get('content-disposition')).toBe('attachment')
    expect(await client.files.delete(file.id)).toEqual({
      id: file.id,
      object: 'file',
      deleted: true,
    })
    await expect(client.files.retrieve(file.id)).rejects.toMatchObject({ status: 404 })
    expect(await readdir(join(server.dataDir, 'files'))).not.toContain(file.id)
  })

  it('lists page by page, newest first, by purpose', async () => {
    const ids: string[] = []
    for (const name of ['a', 'b', 'c']) ids.push((await uploaded(name, name)).id)
    const listed: string[] = []
    for await (const { id } of client.files.list({ limit: 2 })) listed.push(id)
    expect(listed.filter((id) => ids.includes(id))).toEqual(ids.toReversed())
    const page = await client.files.list({ order: 'asc', limit: 1 })
    expect(page.data).toHaveLength(1)
    expect(page.has_more).toBe(true)
    expect((await client.files.list({ purpose: 'batch' })).data).toEqual([])
  })

  it('shows nobody what is another’s', async () => {
    const { id } = await uploaded('mine')
    expect((await other.files.list()).data).toEqual([])
    for (const attempt of [
      () => other.files.retrieve(id),
      () => other.files.content(id),
      () => other.files.delete(id),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ status: 404, code: 'file_not_found' })
    }
    await expect(client.files.retrieve(id)).resolves.toMatchObject({ id })
  })

  it('writes nothing to the disk that is not encrypted', async () => {
    const { id } = await uploaded('a sentence that must not be read there')
    const stored = await readFile(join(server.dataDir, 'files', id))
    expect(stored.includes('must not be read')).toBe(false)
  })

  it('refuses what is too large, has no purpose, no file, or is no form', async () => {
    await expect(uploaded(Buffer.alloc(3 * 1024 * 1024 + 1))).rejects.toMatchObject({
      status: 413,
      code: 'request_too_large',
    })
    const post = async (body: FormData | string, headers: Record<string, string> = {}) => {
      const response = await fetch(`${server.baseURL}/files`, {
        method: 'POST',
        headers: { authorization: `Bearer ${client.apiKey}`, ...headers },
        body,
      })
      const { error } = (await response.json()) as { error: { code: string; param: string } }
      return { status: response.status, code: error.code, param: error.param }
    }
    const withoutPurpose = new FormData()
    withoutPurpose.append('file', new Blob(['x']), 'x.txt')
    expect(await post(withoutPurpose)).toMatchObject({ status: 400, param: 'purpose' })
    const unknown = new FormData()
    unknown.append('purpose', 'fun')
    unknown.append('file', new Blob(['x']), 'x.txt')
    expect(await post(unknown)).toMatchObject({ code: 'invalid_value', param: 'purpose' })
    const withoutFile = new FormData()
    withoutFile.append('purpose', 'batch')
    expect(await post(withoutFile)).toMatchObject({ status: 400, param: 'file' })
    expect(await post('{}', { 'content-type': 'application/json' })).toMatchObject({ status: 415 })
    const left = await readdir(join(server.dataDir, 'files'))
    expect(left.filter((name) => name.endsWith('.partial'))).toEqual([])
  })

  it('keeps no name that leads elsewhere', async () => {
    const { filename } = await uploaded('x', '../../etc/passwd')
    expect(filename).toBe('passwd')
  })
})

const asking = (id: string): OpenAI.ChatCompletionCreateParamsNonStreaming => ({
  model: 'claude-code',
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What does it say?' },
        { type: 'file', file: { file_id: id } },
      ],
    },
  ],
})

describe('file_id in a message', { timeout: 60_000 }, () => {
  it('reaches Claude as the content of the file', async () => {
    server.anthropic.respond = () => says('It says hello.')
    const { id } = await uploaded('Hello from a file.', 'hello.txt')
    const answer = await client.chat.completions.create(asking(id))
    expect(answer.choices[0]?.message.content).toBe('It says hello.')
    const messages = server.anthropic.requests.at(-1)?.body.messages ?? []
    expect(messages.flatMap<unknown>(({ content }) => content)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          type: 'document',
          title: 'hello.txt',
          source: expect.objectContaining({ data: 'Hello from a file.' }),
        }),
      ]),
    )
  })

  it('is refused, with the field, when it is another’s, not there, or too large', async () => {
    const { id } = await uploaded('mine')
    const param = 'messages[0].content[1].file.file_id'
    for (const [asker, asked] of [
      [other, id],
      [client, 'file-none'],
      [client, (await uploaded(Buffer.alloc(1_100_000, 'x'))).id],
    ] as const) {
      await expect(asker.chat.completions.create(asking(asked))).rejects.toMatchObject({
        status: 400,
        code: 'invalid_value',
        param,
      })
    }
  })
})

type Attached = { files?: readonly string[]; images?: readonly string[] }

const askingWith = (claude_options: Attached) =>
  ({
    model: 'claude-code',
    messages: [{ role: 'user', content: 'What do they say?' }],
    claude_options,
  }) as OpenAI.ChatCompletionCreateParamsNonStreaming

const blocks = (): unknown[] =>
  (server.anthropic.requests.at(-1)?.body.messages ?? []).flatMap<unknown>(({ content }) => content)

const document = (title: unknown, data: string) =>
  expect.objectContaining({
    type: 'document',
    title,
    source: expect.objectContaining({ data }),
  })

describe('file_id in claude_options', { timeout: 60_000 }, () => {
  it('reaches Claude as its own block, in the order in which paths and ids are named', async () => {
    server.anthropic.respond = () => says('Hello.')
    await writeFile(join(server.workspace, 'b.txt'), 'From a path.')
    const text = await uploaded('From an upload.', 'a.txt')
    const picture = await uploaded(png(3, 3), 'picture')
    const path = join(server.workspace, 'b.txt')
    const files = [text.id, path, picture.id, text.id]
    const answer = await client.chat.completions.create(askingWith({ files, images: [picture.id] }))
    expect(answer.choices[0]?.message.content).toBe('Hello.')
    const image = expect.objectContaining({
      type: 'image',
      source: expect.objectContaining({ data: png(3, 3).toString('base64') }),
    })
    const sent = blocks()
    const first = sent.findIndex((block) => (block as { type: string }).type === 'document')
    expect(sent.slice(first, first + 5)).toEqual([
      document('a.txt', 'From an upload.'),
      document(expect.stringMatching(/b\.txt$/), 'From a path.'),
      image,
      image,
      expect.objectContaining({ text: 'What do they say?' }),
    ])
  })

  it('is refused, with the field, when it is another’s, not there, too large or no picture', async () => {
    const { id } = await uploaded('mine')
    const none = `file-${'0'.repeat(24)}`
    const large = (await uploaded(Buffer.alloc(1_100_000, 'x'))).id
    for (const [asker, asked, param] of [
      [other, { files: [id] }, 'claude_options.files[0]'],
      [client, { files: [id, none] }, 'claude_options.files[1]'],
      [client, { files: [large] }, 'claude_options.files[0]'],
      [client, { files: ['file-none'] }, 'claude_options.files[0]'],
      [client, { images: [none] }, 'claude_options.images[0]'],
      [client, { images: [id] }, 'claude_options.images[0]'],
    ] as const) {
      await expect(asker.chat.completions.create(askingWith(asked))).rejects.toMatchObject({
        status: 400,
        code: 'invalid_value',
        param,
      })
    }
  })

  it('is refused where all together are more than a request may carry', async () => {
    const { id } = await uploaded(Buffer.alloc(900_000, 'x'))
    const content = Array.from({ length: 30 }, () => ({
      type: 'file' as const,
      file: { file_id: id },
    }))
    await expect(
      client.chat.completions.create({
        model: 'claude-code',
        messages: [{ role: 'user', content }],
      }),
    ).rejects.toMatchObject({ status: 400, param: 'messages[0].content[27].file.file_id' })
  })
})

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const read: Uint8Array[] = []
  for await (const piece of content) read.push(piece)
  return Buffer.concat(read).toString()
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('ab')
  throw new Error('The caller left.')
}

describeEngines('files', (makePlace) => {
  it('are there after a restart, until they expire, and then are really gone', async () => {
    await using place = await makePlace()
    const clock = { nowMs: 1_000 }
    const begin = async () => {
      const store = await openStore(place.options)
      const book = new FileBook({
        storage: Promise.resolve(store),
        limitBytes: 10,
        now: () => clock.nowMs,
      })
      return { store, book }
    }
    const first = await begin()
    const keep = async (expiresAfterMs: number | undefined, ...texts: string[]) => {
      const upload = { owner: 'a', filename: 'f', content: pieces(...texts) }
      const received = await first.book.receive(upload)
      await expect(first.book.find('a', received.id)).rejects.toThrow('No such File')
      const details = { purpose: 'batch', ...(expiresAfterMs && { expiresAfterMs }) } as const
      return first.book.finish(received, details)
    }
    const kept = await keep(undefined, 'ab', '', 'cde')
    const brief = await keep(500, 'brief')
    await first.store.close()

    const { store, book } = await begin()
    expect(await textOf((await book.open('a', brief.id)).content)).toBe('brief')
    clock.nowMs = 1_500
    await expect(book.find('a', brief.id)).rejects.toMatchObject({ code: 'file_not_found' })
    await book.clean()
    expect(await textOf(store.blobs.read(brief.id)).catch(() => 'gone')).toMatch(/^(gone)?$/)
    expect(await textOf((await book.open('a', kept.id)).content)).toBe('abcde')
    await store.close()
  })

  it('leave nothing behind that was cut off or too large', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const book = new FileBook({ storage: Promise.resolve(store), limitBytes: 4 })
    const upload = { owner: 'a', filename: 'f' }
    await expect(book.receive({ ...upload, content: pieces('abc', 'de') })).rejects.toMatchObject({
      code: 'request_too_large',
    })
    await expect(book.receive({ ...upload, content: broken() })).rejects.toThrow('left')
    expect(await book.list('a', { limit: 10, order: 'asc' })).toEqual({ files: [], hasMore: false })
    expect(
      await store.files.over({
        nowMs: 0,
        begunBeforeMs: Number.MAX_SAFE_INTEGER,
        keyEndedBeforeMs: 0,
      }),
    ).toEqual([])
    await store.close()
  })
})
