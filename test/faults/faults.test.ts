import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  chunk,
  completion,
  done,
  finishChunk,
  frame,
  roleChunk,
  type Script,
  type ScriptedOpenAI,
  startScriptedOpenAI,
  textFrames,
  usageChunk,
} from '../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { ask, askStream, failure, readAll } from '../api/server/support.ts'

/**
 * Every fault of a provider that is told of in docs/failover.md, through the whole server: `primary` has the fault, `backup` is well.
 * There is no Claude Code here; its own faults are in claude-faults.test.ts. Limits are settings, and short.
 */
let primary: ScriptedOpenAI
let backup: ScriptedOpenAI
let server: TestServer

const noClaude = { CLAUDE_PATH: '/nowhere/claude', PROVIDER_ORDER: 'primary,backup' }

function settings(more: Record<string, string> = {}): Record<string, string> {
  return {
    ...noClaude,
    FALLBACK_API_NAME_1: 'primary',
    FALLBACK_API_URL_1: primary.url,
    FALLBACK_API_NAME_2: 'backup',
    FALLBACK_API_URL_2: backup.url,
    FALLBACK_HEADER_TIMEOUT_SECONDS: '0.4',
    FALLBACK_FIRST_OUTPUT_TIMEOUT_SECONDS: '0.4',
    FALLBACK_IDLE_TIMEOUT_SECONDS: '0.4',
    FALLBACK_ANSWER_TIMEOUT_SECONDS: '0.8',
    BREAKER_FAILURES: '1000',
    BREAKER_WINDOW_SECONDS: '0.01',
    ...more,
  }
}

beforeAll(async () => {
  primary = await startScriptedOpenAI()
  backup = await startScriptedOpenAI()
})
afterAll(async () => {
  await primary[Symbol.asyncDispose]()
  await backup[Symbol.asyncDispose]()
})
// A server of its own for each: what one fault leaves in a breaker must not show in the next.
beforeEach(async () => {
  server = await startTestServer(settings())
  for (const api of [primary, backup]) api.received.length = 0
  backup.answer({ type: 'stream', frames: textFrames('From ', 'the backup.') })
})
afterEach(() => server.close())

/** The streamed answer: its text, who gave it, how it ended. */
async function stream(from: TestServer = server) {
  const { chunks, headers } = await askStream(from.client, {
    stream_options: { include_usage: true },
  })
  const read = await readAll(chunks)
  return {
    ...read,
    provider: headers.get('x-provider'),
    attempts: headers.get('x-attempts'),
  }
}

async function plain(from: TestServer = server) {
  backup.answer({ type: 'plain', body: completion('From the backup.') })
  const { text, answer, headers } = await ask(from.client)
  return {
    text,
    answer,
    provider: headers.get('x-provider'),
    attempts: headers.get('x-attempts'),
  }
}

const role = frame(roleChunk)
const word = frame(chunk({ content: 'Hel' }))
const tokens = Array.from({ length: 40 }, (_, index) => frame(chunk({ content: `t${index} ` })))

describe('a fault before the first output moves on, and leaves no trace in a stream', () => {
  it.each<[fault: string, script: Script, kind: string]>([
    ['503 for ever', { type: 'status', status: 503 }, 'upstream_error'],
    ['429 for ever', { type: 'status', status: 429 }, 'rate_limit_exceeded'],
    ['a reset connection', { type: 'reset' }, 'upstream_error'],
    ['silence', { type: 'silence' }, 'first_token_timeout'],
    [
      'a first token that comes too late',
      { type: 'stream', frames: [role, ...textFrames('late')], pauseMs: 1500 },
      'first_token_timeout',
    ],
    [
      'an error event inside a 200 before any text',
      { type: 'stream', frames: [role, frame({ error: { code: 500 } })] },
      'upstream_error',
    ],
    ['an empty 200', { type: 'stream', frames: [] }, 'upstream_invalid_answer'],
    ['only [DONE]', { type: 'stream', frames: [done] }, 'upstream_invalid_answer'],
    [
      'another content type',
      { type: 'raw', text: '<html>', headers: { 'content-type': 'text/html' } },
      'upstream_invalid_answer',
    ],
    [
      'a redirect',
      { type: 'status', status: 302, headers: { location: 'http://example.com' } },
      'upstream_invalid_answer',
    ],
    [
      'a drip of bytes that become no event',
      { type: 'drip', frames: [role], text: ': '.padEnd(100, '.'), everyMs: 50 },
      'first_token_timeout',
    ],
    ['refused credentials', { type: 'status', status: 401 }, 'upstream_unauthorized'],
    [
      'a credit that is used up',
      { type: 'status', status: 429, body: { error: { code: 'insufficient_quota' } } },
      'insufficient_quota',
    ],
  ])('%s', async (_fault, script, kind) => {
    primary.answer(script)
    const { text, error, provider, attempts } = await stream()
    expect({ text, error, provider }).toEqual({
      text: 'From the backup.',
      error: undefined,
      provider: 'backup',
    })
    expect(attempts?.split(', ')[0]).toBe(`primary=${kind}`)
    expect(attempts).toMatch(/backup=answered$/)
  })

  it.each<[fault: string, script: Script, kind: string]>([
    ['silence', { type: 'silence' }, 'first_token_timeout'],
    ['100 MB', { type: 'huge', bytes: 100 * 1024 * 1024 }, 'upstream_invalid_answer'],
    ['an empty 200', { type: 'plain', body: {} }, 'upstream_invalid_answer'],
  ])('%s, in a plain answer', async (_fault, script, kind) => {
    primary.answer(script)
    const slow =
      script.type === 'huge'
        ? await startTestServer(
            settings({
              FALLBACK_ANSWER_TIMEOUT_SECONDS: '20',
              FALLBACK_IDLE_TIMEOUT_SECONDS: '20',
            }),
          )
        : undefined
    const { text, attempts } = await plain(slow)
    await slow?.close()
    expect(text).toBe('From the backup.')
    expect(attempts).toBe(`primary=${kind}, backup=answered`)
  })

  const json = { 'content-type': 'application/json' }
  const written = JSON.stringify(completion('Late.'))
  const length = { 'content-length': String(written.length) }

  it.each<[fault: string, script: Script, kind: string]>([
    ['silence', { type: 'silence' }, 'first_token_timeout'],
    [
      'a first byte that comes too late',
      { type: 'late', afterMs: 3000, by: { type: 'plain' } },
      'first_token_timeout',
    ],
    [
      'silence after the headers',
      { type: 'stream', frames: [], after: 'stall', headers: json },
      'first_token_timeout',
    ],
    [
      'silence after headers that announce the answer',
      { type: 'stream', frames: [], after: 'stall', headers: { ...json, ...length } },
      'idle_timeout',
    ],
    [
      'silence in the middle',
      { type: 'stream', frames: [written.slice(0, 20)], after: 'stall', headers: json },
      'idle_timeout',
    ],
    [
      'a drip of blanks',
      { type: 'drip', frames: [], text: ' \n'.repeat(100), everyMs: 50, headers: json },
      'first_token_timeout',
    ],
    [
      'a drip of one byte at a time',
      { type: 'drip', frames: [], text: written, everyMs: 50, headers: json },
      'idle_timeout',
    ],
    [
      'a drip of an answer that was announced',
      { type: 'drip', frames: [], text: written, everyMs: 50, headers: { ...json, ...length } },
      'idle_timeout',
    ],
  ])(
    '%s in a plain answer, long before a whole answer would have to be there',
    async (_fault, script, kind) => {
      await using patient = await startTestServer(
        settings({
          FALLBACK_ANSWER_TIMEOUT_SECONDS: '600',
          FALLBACK_SILENCE_TIMEOUT_SECONDS: '0.5',
        }),
      )
      primary.answer(script)
      const { text, attempts } = await plain(patient)
      expect(text).toBe('From the backup.')
      expect(attempts).toBe(`primary=${kind}, backup=answered`)
      expect(primary.received).toHaveLength(1)
    },
  )

  it.each([
    ['TLS', (port: number) => `https://127.0.0.1:${port}`],
    ['DNS', () => 'http://no-such-host.invalid'],
  ])('%s', async (_fault, address) => {
    // It takes what comes and speaks no TLS.
    const deaf = createServer((socket) => socket.end('no\n').on('error', () => {}))
    deaf.listen(0, '127.0.0.1')
    await once(deaf, 'listening')
    const { port } = deaf.address() as { port: number }
    await using other = await startTestServer(settings({ FALLBACK_API_URL_1: address(port) }))
    const { text, attempts } = await stream(other)
    deaf.close()
    expect(text).toBe('From the backup.')
    expect(attempts).toMatch(/^(?:primary=upstream_error, )+backup=answered$/)
  })
})

describe('a fault that the same provider gets over', () => {
  it('429 with Retry-After of 2 s is waited for, and not less', async () => {
    primary.answer(
      { type: 'status', status: 429, headers: { 'retry-after': '2' } },
      { type: 'stream', frames: textFrames('Here.') },
    )
    const begun = performance.now()
    expect(await stream()).toMatchObject({ text: 'Here.', provider: 'primary' })
    const tookMs = performance.now() - begun
    expect(tookMs).toBeGreaterThanOrEqual(2000)
    expect(tookMs).toBeLessThan(4000)
    expect(backup.received).toEqual([])
  })

  it('one 500 is repeated', async () => {
    primary.answer({ type: 'status', status: 500 }, { type: 'stream', frames: textFrames('Here.') })
    expect(await stream()).toMatchObject({
      text: 'Here.',
      provider: 'primary',
      attempts: 'primary=upstream_error, primary=answered',
    })
    expect(primary.received).toHaveLength(2)
  })

  it('a connection that closes between two requests is nobody’s failure', async () => {
    primary.answer({ type: 'closes-kept' })
    expect(await plain()).toMatchObject({ provider: 'primary', attempts: null })
    expect(await plain()).toMatchObject({ provider: 'primary', attempts: null })
    expect(backup.received).toEqual([])
  })
})

describe('what is asked how often', () => {
  it.each<[string, Script, number]>([
    ['503', { type: 'status', status: 503 }, 3],
    ['silence', { type: 'silence' }, 1],
    ['401', { type: 'status', status: 401 }, 1],
  ])('%s', async (_fault, script, calls) => {
    primary.answer(script)
    await stream()
    expect(primary.received).toHaveLength(calls)
    expect(backup.received).toHaveLength(1)
  })
})

describe('a fault after the first output ends in an error frame, never in a normal stop', () => {
  it.each<[fault: string, script: Script, code: string]>([
    [
      'a cut after 40 of 60 tokens',
      { type: 'stream', frames: [role, ...tokens], after: 'cut' },
      'upstream_error',
    ],
    [
      'an end after 40 of 60 tokens without a reason',
      { type: 'stream', frames: [role, ...tokens] },
      'upstream_error',
    ],
    [
      'a [DONE] after 40 of 60 tokens',
      { type: 'stream', frames: [role, ...tokens, done] },
      'upstream_error',
    ],
    ['a stall', { type: 'stream', frames: [role, ...tokens], after: 'stall' }, 'idle_timeout'],
    [
      'a drip',
      { type: 'drip', frames: [role, ...tokens], text: ': '.padEnd(200, '.'), everyMs: 50 },
      'idle_timeout',
    ],
    [
      'an error event',
      { type: 'stream', frames: [role, ...tokens, frame({ error: { message: 'x' } })] },
      'upstream_error',
    ],
  ])('%s', async (_fault, script, code) => {
    primary.answer(script)
    const { text, error, chunks } = await stream()
    expect(text).toBe(tokens.map((_, index) => `t${index} `).join(''))
    expect(error).toMatchObject({ code })
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason ?? null)).not.toContain('stop')
    // Nobody is asked to go on with another's answer, and the backup that would refuse to is not even called.
    expect(backup.received).toEqual([])
  })
})

describe('what is no fault', () => {
  it('one bad chunk is skipped', async () => {
    const frames = [role, word, 'data: {"choices": [\n\n', frame(chunk({ content: 'lo' }))]
    primary.answer({ type: 'stream', frames: [...frames, frame(finishChunk), done] })
    expect(await stream()).toMatchObject({ text: 'Hello', error: undefined, provider: 'primary' })
  })

  it('no [DONE] after a reason is the end, and the caller gets one', async () => {
    primary.answer({ type: 'stream', frames: [role, word, frame(finishChunk)] })
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
    })
    expect((await response.text()).endsWith(`${word}${frame(finishChunk)}${done}`)).toBe(true)
  })

  it('a start with thinking only is output', async () => {
    const thought = frame(chunk({ reasoning_content: 'Hm.' }))
    primary.answer({ type: 'stream', frames: [role, thought, word, frame(finishChunk), done] })
    const { chunks, provider } = await stream()
    expect(provider).toBe('primary')
    expect(chunks[1]?.choices[0]?.delta).toMatchObject({ reasoning_content: 'Hm.' })
  })
})

describe('what is the answer', () => {
  it('a refusal of the content: its reason goes to the caller, and nobody else is asked', async () => {
    primary.answer({
      type: 'status',
      status: 400,
      body: { error: { code: 'content_filter', message: 'Refused for violence.' } },
    })
    const error = await failure(askStream(server.client))
    expect(error).toMatchObject({ status: 400, code: 'content_filter' })
    expect(error.message).toContain('Refused for violence.')
    expect(backup.received).toEqual([])
  })

  it('a refusal as the finish reason', async () => {
    const filtered = frame(chunk({}, 'content_filter'))
    primary.answer({ type: 'stream', frames: [role, filtered, done] })
    const { chunks, provider } = await stream()
    expect(provider).toBe('primary')
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('content_filter')
    expect(backup.received).toEqual([])
  })

  it("the caller's own mistake", async () => {
    primary.answer({ type: 'status', status: 400, body: { error: { message: 'x', param: 'n' } } })
    expect(await failure(ask(server.client))).toMatchObject({ status: 400, param: 'n' })
    expect(primary.received).toHaveLength(1)
    expect(backup.received).toEqual([])
  })

  it('a conversation that is too long, unless a bigger provider is configured', async () => {
    const body = { error: { code: 'context_length_exceeded', message: 'too long' } }
    primary.answer({ type: 'status', status: 400, body })
    const error = await failure(ask(server.client))
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded' })
    expect(primary.received).toHaveLength(1)
    expect(backup.received).toEqual([])
  })
})

describe('accounting after failover', () => {
  it('names the model that answered, and has its usage', async () => {
    primary.answer({ type: 'status', status: 503 })
    const { chunks, provider } = await stream()
    expect(provider).toBe('backup')
    expect(chunks.at(-1)).toEqual(usageChunk)
    const { answer } = await plain()
    expect(answer).toEqual(completion('From the backup.'))
  })
})

describe('the breaker', () => {
  let resting: TestServer
  const restMs = 600
  beforeAll(async () => {
    resting = await startTestServer(
      settings({
        BREAKER_FAILURES: '5',
        BREAKER_WINDOW_SECONDS: '30',
        BREAKER_REST_SECONDS: String(restMs / 1000),
      }),
    )
  })
  afterEach(() => primary.answer({ type: 'plain' }))
  afterAll(() => resting.close())

  it('spares a dead provider: few of 20 requests reach it, and it is back soon after it is well', async () => {
    primary.answer({ type: 'status', status: 503 })
    for (let count = 0; count < 20; count++) expect((await plain(resting)).provider).toBe('backup')
    // Five failures open it; after that there is one probe a rest at most.
    expect(primary.received.length).toBeLessThanOrEqual(8)
    const response = await fetch(`${resting.url}/ready`)
    expect(await response.json()).toMatchObject({
      status: 'ready',
      providers: [
        {
          name: 'primary',
          state: expect.stringMatching(/^(?:half-)?open$/),
          code: 'upstream_error',
        },
        { name: 'backup', state: 'closed' },
        { name: 'claude-code', state: 'closed' },
      ],
    })
    primary.answer({ type: 'plain', body: completion('Well again.') })
    const wellMs = performance.now()
    let answer = await plain(resting)
    while (answer.provider !== 'primary' && performance.now() - wellMs < 5_000) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      answer = await plain(resting)
    }
    expect(answer.text).toBe('Well again.')
    expect(performance.now() - wellMs).toBeLessThan(restMs + 1_000)
  })
})
