import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fails, says } from '../../scripted-anthropic/server.ts'
import { completion, type ScriptedOpenAI, textFrames } from '../../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask, askStream, failure, hello, readAll } from './support.ts'
import { startWithVendor } from './vendor.ts'

let server: TestServer
let vendor: ScriptedOpenAI
beforeAll(async () => {
  const settings = { API_KEY: 'key-of-ann', DATA_KEY: 'a-key-that-is-long-enough-1' }
  ;({ server, vendor } = await startWithVendor(settings))
})
afterAll(() => server.close())
beforeEach(() => {
  server.anthropic.respond = () => says('Stored words.')
})

const chat = () => server.client.chat.completions

describe('an answer with store', () => {
  it('is retrieved, labelled, listed with its messages, and deleted', async () => {
    const { answer, headers } = await ask(server.client, {
      store: true,
      metadata: { project: 'sea' },
      user: 'u',
    })
    expect(headers.get('x-notice')).toBeNull()
    expect(headers.get('x-ignored-parameters')).toBe('user')
    const { claude: _claude, ...given } = answer
    const stored = await chat().retrieve(answer.id)
    expect(stored).toMatchObject({
      ...given,
      metadata: { project: 'sea' },
      input_user: 'u',
      temperature: null,
      request_id: headers.get('x-request-id'),
    })
    expect(await chat().update(answer.id, { metadata: { project: 'land' } })).toMatchObject({
      id: answer.id,
      metadata: { project: 'land' },
    })
    const { data: messages } = await chat().messages.list(answer.id)
    expect(messages).toEqual([
      { ...hello[0], id: `${answer.id}-0`, name: null, content_parts: null },
    ])
    expect(await chat().delete(answer.id)).toEqual({
      object: 'chat.completion.deleted',
      id: answer.id,
      deleted: true,
    })
    const error = await failure(chat().retrieve(answer.id))
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error.code).toBe('completion_not_found')
    expect(await failure(chat().delete(answer.id))).toMatchObject({ status: 404 })
    expect(await failure(chat().update(answer.id, { metadata: {} }))).toMatchObject({ status: 404 })
    expect(await failure(chat().messages.list(answer.id))).toMatchObject({ status: 404 })
  })

  it('lists a message in parts as its text, and the parts beside it', async () => {
    const parts = [{ type: 'text' as const, text: 'Hi' }]
    const messages = [...hello, { role: 'user' as const, content: parts }]
    const { answer } = await ask(server.client, { store: true, messages })
    const { data } = await chat().messages.list(answer.id)
    expect(data).toMatchObject([
      { content: 'Hello', content_parts: null },
      { content: 'Hi', content_parts: parts },
    ])
  })

  it('is stored when its stream has ended, with all of its choices', async () => {
    const { chunks } = await askStream(server.client, { store: true, n: 2 })
    const read = await readAll(chunks)
    const id = read.chunks[0]?.id ?? expect.fail()
    const stored = await chat().retrieve(id)
    expect(stored.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'Stored words.'],
      [1, 'Stored words.'],
    ])
    expect(stored.usage?.completion_tokens).toBeGreaterThan(0)
  })

  it.each([false, true])('is stored as a fallback gave it (stream: %s)', async (stream) => {
    server.anthropic.respond = () => fails(529, 'overloaded_error', 'Overloaded')
    vendor.answer(
      stream
        ? { type: 'stream', frames: textFrames('From ', 'there.') }
        : { type: 'plain', body: completion('From there.') },
    )
    const id = stream
      ? (await readAll((await askStream(server.client, { store: true })).chunks)).chunks[0]?.id
      : (await ask(server.client, { store: true })).answer.id
    const stored = await chat().retrieve(id ?? expect.fail())
    expect(stored).toMatchObject({
      object: 'chat.completion',
      model: 'scripted-model-2',
      choices: [{ message: { role: 'assistant', content: 'From there.' }, finish_reason: 'stop' }],
    })
  })

  it('is stored each time when the cache gives it', async () => {
    const request = { store: true, claude_options: { cache: 'exact' } }
    const first = await ask(server.client, request)
    const second = await ask(server.client, request)
    const third = await ask(server.client, request)
    expect([second, third].map(({ headers }) => headers.get('x-cache'))).toEqual(['hit', 'hit'])
    const ids = [first, second, third].map(({ answer }) => answer.id)
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect((await chat().retrieve(id)).id).toBe(id)
  })
})

describe('the list', () => {
  it('is paged by the official client, and narrowed by model and metadata', async () => {
    const ids: string[] = []
    for (const kind of ['a', 'b', 'a']) {
      const { answer } = await ask(server.client, {
        store: true,
        model: kind === 'b' ? 'haiku' : 'sonnet',
        metadata: { kind, of: 'the list' },
      })
      ids.push(answer.id)
    }
    const listed = async (query: OpenAI.Chat.ChatCompletionListParams): Promise<string[]> => {
      const found: string[] = []
      const metadata = { of: 'the list', ...query.metadata }
      for await (const { id } of chat().list({ ...query, metadata })) found.push(id)
      return found
    }
    expect(await listed({ limit: 1 })).toEqual(ids)
    expect(await listed({ limit: 2, order: 'desc' })).toEqual(ids.toReversed())
    expect(await listed({ metadata: { kind: 'a' } })).toEqual([ids[0], ids[2]])
    expect(await listed({ model: 'haiku' })).toEqual([ids[1]])
    expect(await listed({ model: 'no-such' })).toEqual([])
    expect(await failure(chat().list({ limit: 101 }))).toMatchObject({ param: 'limit' })
    const query = { order: 'up' as 'asc' }
    expect(await failure(chat().list(query))).toMatchObject({ param: 'order' })
  })
})

describe('a request without store', () => {
  it('is not stored, and its metadata is disclosed', async () => {
    const { answer, headers } = await ask(server.client, { metadata: { a: 'b' } })
    expect(headers.get('x-ignored-parameters')).toBe('metadata')
    expect(await failure(chat().retrieve(answer.id))).toMatchObject({ status: 404 })
  })
})

describe('where nothing is stored', () => {
  it('the answer is given all the same, and says so', async () => {
    await using none = await startTestServer({ STORED_KEEP_DAYS: '0' })
    const { text, headers } = await ask(none.client, { store: true })
    expect(text).toBe('Hello from the scripted model.')
    expect(headers.get('x-notice')).toContain('this server stores none')
    expect(await failure(none.client.chat.completions.list())).toMatchObject({
      status: 404,
      code: 'unknown_url',
    })
  })

  it('nor where the storage is away', async () => {
    await using away = await startTestServer({
      // Whether there are others is not known.
      API_KEY: 'key-of-ann',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
    })
    const { text, headers } = await ask(away.client, { store: true })
    expect(text).toBe('Hello from the scripted model.')
    expect(headers.get('x-notice')).toContain('the answer is not stored')
    const stream = await askStream(away.client, { store: true })
    expect(stream.headers.get('x-notice')).toContain('the answer is not stored')
    expect((await readAll(stream.chunks)).text).toBe('Hello from the scripted model.')
  })
})
