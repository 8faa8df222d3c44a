import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fails, says } from '../../scripted-anthropic/server.ts'
import { type BuiltServer, entriesOf, type LogEntry, startBuiltServer } from './built-server.ts'
import { ask, askStream, failure, post, readAll, until } from './support.ts'

const key = 'key-of-the-clients-4711'
const prompt = 'The heron is blue today.'
const answer = 'A very private answer.'
const messages = [{ role: 'user' as const, content: prompt }]

async function requests(server: BuiltServer, count: number): Promise<LogEntry[]> {
  const finished = (): LogEntry[] =>
    server.log().filter(({ event, route }) => event === 'request-finished' && route !== '/health')
  await until(`${count} requests are in the log`, () => finished().length >= count)
  return finished()
}

describe('the log', () => {
  let server: BuiltServer
  beforeAll(async () => {
    server = await startBuiltServer({
      API_KEY: key,
      LOG_LEVEL: 'trace',
      LOG_TO_FILE: 'true',
      FALLBACK_API_URL_1: 'http://127.0.0.1:9/v1',
      FALLBACK_API_KEY_1: 'sk-of-the-fallback-4711',
    })
    server.anthropic.respond = () => says(answer, { thinking: 'Hm.', usage: { input_tokens: 12 } })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  it('has one line a request, with who answered, how long it took and what it cost', async () => {
    const { headers } = await ask(server.client, { messages, model: 'gpt-4o' })
    await readAll((await askStream(server.client, { messages })).chunks)
    const [plain, streamed, ...others] = await requests(server, 2)
    expect(plain).toMatchObject({
      id: headers.get('x-request-id'),
      method: 'POST',
      route: '/v1/chat/completions',
      status: 200,
      provider: 'claude-code',
      model: expect.stringMatching(/^claude-/),
      requestedModel: 'gpt-4o',
      stream: false,
      durationMs: expect.any(Number),
      firstTokenMs: expect.any(Number),
      usage: { inputTokens: 12, outputTokens: 7 },
    })
    expect(streamed).toMatchObject({ status: 200, stream: true, usage: { inputTokens: 12 } })
    expect(others).toEqual([])
  })

  it('has the error code of what failed, and the move to a fallback', async () => {
    const seen = (await requests(server, 2)).length
    server.anthropic.enqueue(fails(529, 'overloaded_error', 'Overloaded'))
    await failure(ask(server.client, { messages }))
    await failure(ask(server.client, { messages, model: 'no-such '.repeat(10_000) }))
    await post(server.url, { messages }, { authorization: 'Bearer a-wrong-key-4711' })
    const lines = (await requests(server, seen + 3)).slice(seen)
    expect(lines.map(({ status, errorCode }) => [status, errorCode])).toEqual([
      [503, 'overloaded'],
      [404, 'model_not_found'],
      [401, 'invalid_api_key'],
    ])
    expect(server.log().find(({ event }) => event === 'provider-switched')).toMatchObject({
      from: 'claude-code',
      to: 'fallback-1',
      code: 'overloaded',
      id: lines[0]?.['id'],
    })
  })

  it('never has a prompt, an answer or a key, not even at its most talkative', async () => {
    await requests(server, 5)
    const text = server.said.out + server.said.err
    expect(server.log().some(({ event }) => event === 'process-started')).toBe(true)
    expect(text).not.toContain(answer)
    expect(text).not.toContain('Hm.')
    for (const secret of [
      key,
      'a-wrong-key-4711',
      'sk-of-the-fallback-4711',
      'dummy-key-for-tests',
    ])
      expect(text).not.toContain(secret)
    expect(text).not.toContain(prompt)
    // The model that was asked for is logged; a name of any length is not.
    expect(Math.max(...server.said.out.split('\n').map(({ length }) => length))).toBeLessThan(2_000)
  })

  it('is in a file as well when the owner wants it', async () => {
    server.child.kill('SIGTERM')
    expect(await server.ended).toEqual({ status: 0, signal: null })
    const folder = join(server.dataDir, 'logs')
    const names = await readdir(folder)
    const files = names.filter((name) => name.endsWith('.log'))
    expect(files).toHaveLength(1)
    const text = await readFile(join(folder, files[0] ?? ''), 'utf8')
    expect(entriesOf(text)).toEqual(server.log())
  })
})

describe('the log with LOG_CONTENT', () => {
  it('has the prompt and the answer, and still no key', async () => {
    await using server = await startBuiltServer({ API_KEY: key, LOG_CONTENT: 'true' })
    server.anthropic.respond = () => says(answer)
    await ask(server.client, { messages: [{ role: 'user', content: `${prompt} ${key}` }] })
    const [line] = await requests(server, 1)
    expect(JSON.stringify(line?.['content'])).toContain(prompt)
    expect(JSON.stringify(line?.['content'])).toContain(answer)
    expect(server.said.out).not.toContain(key)
  })
})
