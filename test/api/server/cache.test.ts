import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cache as cacheCommand } from '../../../src/cli/cache.ts'
import type { RequestFinished } from '../../../src/telemetry/events.ts'
import { silentTelemetry } from '../../../src/telemetry/silent.ts'
import { says } from '../../scripted-anthropic/server.ts'
import {
  completion,
  type ScriptedOpenAI,
  startScriptedOpenAI,
  textFrames,
} from '../../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { after, ask, askStream, gate, readAll, type Asking } from './support.ts'

let server: TestServer
const finished: RequestFinished[] = []
const apiKey = 'key-of-the-caller'

beforeAll(async () => {
  server = await startTestServer({ CACHE: 'exact', API_KEY: apiKey }, undefined, {
    ...silentTelemetry,
    requestFinished: (event) => finished.push(event),
  })
})
afterAll(() => server.close())

let answers = 0
beforeEach(async () => {
  answers = 0
  server.anthropic.respond = () => says(`Answer ${++answers} in words.`)
  await call('DELETE')
  finished.length = 0
})

async function call(method: string, path = ''): Promise<{ status: number; body: Report }> {
  const response = await fetch(`${server.url}/v1/cache${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}` },
  })
  return { status: response.status, body: (await response.json()) as Report }
}
/** An answer as the text of its stream, with `ID` for its id, and in how many chunks that stands. */
async function stream(body: string) {
  const { headers, ...response } = await fetchStream(body)
  const id = `{"id":"chatcmpl-${headers.get('x-request-id')}"`
  return {
    headers,
    text: response.text.replaceAll(id, 'ID'),
    ownIds: response.text.split(id).length - 1,
    ids: response.text.split('{"id":').length - 1,
  }
}

async function fetchStream(body: string): Promise<{ headers: Headers; text: string }> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body,
  })
  return { headers: response.headers, text: await response.text() }
}

type Report = { entries: number; hits: number; deleted: number; data: { key: string }[] }

describe('the cache of answers of Claude Code', () => {
  it('gives the same answer again, streamed and plain, and says so', async () => {
    const first = await ask(server.client)
    expect(first.headers.get('x-cache')).toBe('miss')
    expect(first.answer.claude?.session_id).toBeTruthy()
    const { chunks, headers } = await askStream(server.client, {
      stream_options: { include_usage: true },
    })
    const read = await readAll(chunks)
    expect(read.text).toBe('Answer 1 in words.')
    expect(read.chunks.at(-1)?.usage).toEqual(first.answer.usage)
    expect(headers.get('x-cache')).toBe('hit')
    expect(headers.get('x-cache-key')).toBe(first.headers.get('x-cache-key'))
    expect(Number(headers.get('age'))).toBeGreaterThanOrEqual(0)
    expect(headers.get('x-cache-saved')).toBe(String(first.answer.usage?.total_tokens))
    expect(headers.get('x-claude-session-id')).toBeNull()
    const again = await ask(server.client)
    expect(again.text).toBe('Answer 1 in words.')
    expect(again.answer.id).not.toBe(first.answer.id)
    expect(again.answer.claude).toBeUndefined()
    expect(answers).toBe(1)
    expect(finished.map(({ cache, usage }) => [cache, usage !== undefined])).toEqual([
      ['miss', true],
      ['hit', false],
      ['hit', false],
    ])
  })

  it('gives it to the same bytes without reading them, with an id of its own, until it is forgotten', async () => {
    const body = JSON.stringify({ model: 'sonnet', messages: [{ role: 'user', content: 'Bytes' }] })
    const post = async (headers: Record<string, string> = {}) => {
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${apiKey}`,
          ...headers,
        },
        body,
      })
      const { id, ...answer } = (await response.json()) as { id: string }
      return { id, answer, headers: response.headers, state: response.headers.get('x-cache') }
    }
    const all = [await post(), await post(), await post(), await post()]
    expect(all.map(({ state }) => state)).toEqual(['miss', 'hit', 'hit', 'hit'])
    expect(new Set(all.map(({ id }) => id)).size).toBe(4)
    expect(all[2]?.answer).toEqual(all[1]?.answer)
    expect(all[3]?.id).toBe(`chatcmpl-${all[3]?.headers.get('x-request-id')}`)
    for (const name of ['x-cache-key', 'x-cache-saved', 'x-provider', 'content-type']) {
      expect(all[3]?.headers.get(name)).toBe(all[1]?.headers.get(name))
    }
    expect(finished.map(({ cache, usage }) => [cache, usage !== undefined])).toEqual([
      ['miss', true],
      ['hit', false],
      ['hit', false],
      ['hit', false],
    ])
    expect((await call('GET')).body.data[0]).toMatchObject({ hits: 3 })
    expect((await post({ 'cache-control': 'no-store' })).state).toBeNull()
    await call('DELETE')
    expect((await post()).state).toBe('miss')
    expect(answers).toBe(3)
    expect((await post({ authorization: 'Bearer wrong' })).headers.get('x-cache')).toBeNull()
  })

  it('streams it to the same bytes as before, with an id of its own in each chunk', async () => {
    const body = JSON.stringify({
      model: 'sonnet',
      messages: [{ role: 'user', content: 'Streamed bytes' }],
      stream: true,
    })
    const all = [await stream(body), await stream(body), await stream(body), await stream(body)]
    expect(all.map(({ headers }) => headers.get('x-cache'))).toEqual(['miss', 'hit', 'hit', 'hit'])
    expect(all[1]?.text).toContain('Answer 1 in words.')
    // Its role, its text, its end.
    expect(all[3]?.ownIds).toBeGreaterThanOrEqual(3)
    expect(all[3]?.ids).toBe(all[3]?.ownIds)
    expect(all[1]?.text).toMatch(/data: \[DONE\]\n\n$/)
    expect(all[2]?.text).toBe(all[1]?.text)
    expect(all[3]?.text).toBe(all[1]?.text)
    // Whoever is given what was written once is told its length.
    expect(all[1]?.headers.get('content-length')).toBeNull()
    expect(all[3]?.headers.get('content-length')).not.toBeNull()
    for (const name of ['content-type', 'cache-control', 'x-accel-buffering', 'x-cache-key']) {
      expect(all[3]?.headers.get(name)).toBe(all[1]?.headers.get(name))
    }
    expect(finished.map(({ cache, stream }) => [cache, stream])).toEqual([
      ['miss', true],
      ['hit', true],
      ['hit', true],
      ['hit', true],
    ])
    expect(answers).toBe(1)
  })

  it.each<[string, Asking, Record<string, string>]>([
    ['no-cache', {}, { 'cache-control': 'no-cache' }],
    ['no-store', {}, { 'cache-control': 'no-store' }],
    ['claude_options.cache', { claude_options: { cache: 'off' } }, {}],
    ['built-in tools', { claude_options: { tools: ['Read'] } }, {}],
    ['another message', { messages: [{ role: 'user', content: 'Hello!' }] }, {}],
  ])('does not with %s', async (_name, request, headers) => {
    await ask(server.client)
    await server.client.chat.completions.create(
      {
        model: 'sonnet',
        messages: [{ role: 'user', content: 'Hello' }],
        ...request,
        stream: false,
      },
      { headers },
    )
    expect(answers).toBe(2)
  })

  it('lets identical requests share one turn, also when the first caller leaves', async () => {
    const { opened, open } = gate()
    server.anthropic.respond = () => after(opened, says(`Answer ${++answers} in words.`))
    const leader = new AbortController()
    const first = server.client.chat.completions.create(
      { model: 'sonnet', messages: [{ role: 'user', content: 'Hello' }] },
      { signal: leader.signal },
    )
    await expect.poll(() => answers, { timeout: 10_000 }).toBe(1)
    const others = [ask(server.client), ask(server.client)]
    await expect
      .poll(async () => (await call('GET')).body, { timeout: 10_000 })
      .toMatchObject({ shared: 2 })
    leader.abort()
    await expect(first).rejects.toThrow()
    open()
    const read = await Promise.all(others)
    expect(read.map(({ headers }) => headers.get('x-cache'))).toEqual(['shared', 'shared'])
    expect(read.map(({ text }) => text)).toEqual(['Answer 1 in words.', 'Answer 1 in words.'])
    expect(answers).toBe(1)
  })

  it('is shown and cleared by its owner', async () => {
    const { headers } = await ask(server.client)
    await ask(server.client)
    const { body } = await call('GET')
    expect(body).toMatchObject({
      object: 'cache',
      mode: 'exact',
      entries: 1,
      data: [{ key: headers.get('x-cache-key'), provider: 'claude-code', hits: 1 }],
    })
    expect(JSON.stringify(body)).not.toContain('Answer')
    expect((await call('DELETE', '/no-such')).status).toBe(404)
    expect(await call('DELETE', `/${body.data[0]?.key}`)).toMatchObject({ body: { deleted: 1 } })
    expect((await call('GET')).body.entries).toBe(0)
    expect((await fetch(`${server.url}/v1/cache`)).status).toBe(401)
  })

  it('is shown and cleared by the command', async () => {
    await ask(server.client)
    const lines: string[] = []
    const env = { PORT: new URL(server.url).port, API_KEY: apiKey }
    const options = {
      json: false,
      console: { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) },
    }
    expect(await cacheCommand('show', { env }, options)).toBe(0)
    expect(lines[0]).toMatch(/^1 entries/)
    expect(await cacheCommand('clear', { env }, options)).toBe(0)
    expect(lines.at(-1)).toBe('1 entries forgotten')
    const elsewhere = { env: { ...env, PORT: '1' } }
    expect(await cacheCommand('show', elsewhere, options)).toBe(1)
    expect(lines.at(-1)).toMatch(/does not answer/)
  })
})

describe('the cache of answers of another API', () => {
  let api: ScriptedOpenAI
  let relaying: TestServer
  beforeAll(async () => {
    api = await startScriptedOpenAI()
    relaying = await startTestServer({
      CACHE: 'exact',
      CLAUDE_PATH: '/nowhere/claude',
      FALLBACK_API_NAME_1: 'api',
      FALLBACK_API_URL_1: api.url,
      PROVIDER_ORDER: 'api',
    })
  })
  afterAll(async () => {
    await relaying.close()
    await api[Symbol.asyncDispose]()
  })

  it('serves a plain request from a stream, and a stream from a plain answer', async () => {
    api.answer({ type: 'stream', frames: textFrames('Hel', 'lo.') })
    const streamed = await askStream(relaying.client)
    expect((await readAll(streamed.chunks)).text).toBe('Hello.')
    const plain = await ask(relaying.client)
    expect(plain.headers.get('x-cache')).toBe('hit')
    expect(plain.text).toBe('Hello.')
    expect(plain.answer).toMatchObject({
      object: 'chat.completion',
      vendor_extra: { region: 'here' },
      usage: { total_tokens: 27 },
    })

    api.answer({ type: 'plain', body: completion('Whole.') })
    const other = { messages: [{ role: 'user' as const, content: 'Other' }] }
    expect((await ask(relaying.client, other)).text).toBe('Whole.')
    const { chunks, headers } = await askStream(relaying.client, other)
    expect(headers.get('x-cache')).toBe('hit')
    expect((await readAll(chunks)).text).toBe('Whole.')
    expect(api.received).toHaveLength(2)
  })
})
