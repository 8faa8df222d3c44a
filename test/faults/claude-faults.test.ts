import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ask, askStream, failure, readAll, saysInTwo } from '../api/server/support.ts'
import { MessageStream } from '../scripted-anthropic/message.ts'
import {
  conversation,
  cutsAfter,
  drips,
  fails,
  raw,
  says,
  silent,
  stalls,
  stallsAfter,
  type Step,
  stopsWith,
  streamError,
} from '../scripted-anthropic/server.ts'
import {
  completion,
  type ScriptedOpenAI,
  startScriptedOpenAI,
  textFrames,
} from '../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** The faults of the API behind the real binary: Claude Code is first, and `backup` is well. Limits are settings, and short. */
let backup: ScriptedOpenAI
let server: TestServer

const settings = {
  FALLBACK_API_NAME_1: 'backup',
  FIRST_TOKEN_TIMEOUT_SECONDS: '3',
  IDLE_TIMEOUT_SECONDS: '1.5',
  CLAUDE_CODE_MAX_RETRIES: '0',
  BREAKER_FAILURES: '1000',
  BREAKER_WINDOW_SECONDS: '0.01',
}

beforeAll(async () => {
  backup = await startScriptedOpenAI()
  server = await startTestServer({ ...settings, FALLBACK_API_URL_1: backup.url })
})
afterAll(async () => {
  await server.close()
  await backup[Symbol.asyncDispose]()
})
beforeEach(() => {
  backup.received.length = 0
  backup.answer({ type: 'stream', frames: textFrames('From the backup.') })
})

async function stream(from: TestServer = server) {
  const { chunks, headers } = await askStream(from.client)
  const read = await readAll(chunks)
  return { ...read, provider: headers.get('x-provider'), attempts: headers.get('x-attempts') }
}

const resets: Step = raw((response: ServerResponse) => void response.destroy())
const isEmpty: Step = raw((response) => void response.writeHead(200).end())
const isPage: Step = raw((response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>')
})
const redirects: Step = raw((response) => {
  response.writeHead(307, { location: 'http://no-such-host.invalid' }).end()
})
const overLimit = {
  'anthropic-ratelimit-unified-status': 'rejected',
  'anthropic-ratelimit-unified-reset': String(Math.floor(Date.now() / 1000) + 3600),
}

describe('a fault of Claude before the first output moves on', () => {
  // The pause that a 429 asks for is as short as its breaker allows, so that the next test finds Claude Code again.
  it.each<[fault: string, step: Step, kind: RegExp]>([
    ['529 for ever', fails(529, 'overloaded_error', 'Overloaded'), /^overloaded$/],
    ['503 for ever', fails(503, 'api_error', 'Unavailable'), /^upstream_error$/],
    ['500', fails(500, 'api_error', 'Internal'), /^upstream_error$/],
    ['a reset connection', resets, /^upstream_error$/],
    ['silence', silent(), /^first_token_timeout$/],
    ['silence after the headers', stalls(), /^first_token_timeout$/],
    [
      'an error event inside a 200 before any text',
      streamError('', 'overloaded_error', 'Overloaded'),
      /^(?:overloaded|upstream_error)$/,
    ],
    ['an empty 200', isEmpty, /_error$|_timeout$/],
    ['another content type', isPage, /_error$|_timeout$/],
    ['a redirect', redirects, /_error$|_timeout$/],
  ])('%s', async (_fault, step, kind) => {
    server.anthropic.respond = () => step
    const { text, error, provider, attempts } = await stream()
    expect({ text, error, provider }).toEqual({
      text: 'From the backup.',
      error: undefined,
      provider: 'backup',
    })
    expect(attempts).toMatch(/^claude-code=\w+, backup=answered$/)
    expect(/^claude-code=(\w+)/.exec(attempts ?? '')?.[1]).toMatch(kind)
  })

  it('429 for ever, and Claude Code is spared for as long as it asked', async () => {
    await using own = await startTestServer({ ...settings, FALLBACK_API_URL_1: backup.url })
    own.anthropic.respond = () =>
      fails(429, 'rate_limit_error', 'Slow down', { 'retry-after': '600' })
    expect(await stream(own)).toMatchObject({
      provider: 'backup',
      attempts: 'claude-code=rate_limit_exceeded, backup=answered',
    })
    const asked = own.anthropic.requests.length
    expect(await stream(own)).toMatchObject({ attempts: 'claude-code=resting' })
    expect(own.anthropic.requests).toHaveLength(asked)
  })

  it('a limit of an account with a key is a short pause, whatever else it says', async () => {
    await using own = await startTestServer({ ...settings, FALLBACK_API_URL_1: backup.url })
    own.anthropic.respond = () => fails(429, 'rate_limit_error', 'Limit reached', overLimit)
    const { attempts } = await stream(own)
    const { providers } = (await (await fetch(`${own.url}/ready`)).json()) as {
      providers: { name: string; state: string }[]
    }
    const [claude] = providers
    expect(claude?.name).toBe('claude-code')
    // With a key the binary knows no plan and no limit of one: it is a throttled account, with its own short pause. That a usage limit
    // rests until its reset time is a test of the breaker's.
    expect(attempts).toBe('claude-code=rate_limit_exceeded, backup=answered')
    expect(claude?.state).toBe('paused')
  })
})

describe('a fault that Claude Code gets over by itself', () => {
  it.each<[string, Step]>([
    ['one 500', fails(500, 'api_error', 'Internal')],
    ['429 with Retry-After of 2 s', fails(429, 'rate_limit_error', 'Slow', { 'retry-after': '2' })],
  ])('%s', async (_fault, step) => {
    await using own = await startTestServer({
      ...settings,
      FIRST_TOKEN_TIMEOUT_SECONDS: '20',
      CLAUDE_CODE_MAX_RETRIES: '2',
      FALLBACK_API_URL_1: backup.url,
    })
    own.anthropic.enqueue(step)
    own.anthropic.respond = () => says('Here I am.')
    const begun = performance.now()
    expect(await stream(own)).toMatchObject({ text: 'Here I am.', provider: 'claude-code' })
    if (step !== undefined && _fault.startsWith('429')) {
      expect(performance.now() - begun).toBeGreaterThanOrEqual(2000)
    }
    expect(backup.received).toEqual([])
  })
})

describe('a fault of Claude after the first output ends in an error frame', () => {
  it.each<[fault: string, step: Step]>([
    ['a cut', cutsAfter('Forty of sixty ')],
    ['a stall', stallsAfter('Forty of sixty ')],
    ['an error event', streamError('Forty of sixty ', 'overloaded_error', 'Overloaded')],
  ])('%s', async (_fault, step) => {
    server.anthropic.respond = () => step
    const { text, error, chunks, provider } = await stream()
    expect(provider).toBe('claude-code')
    expect(text).toBe('Forty of sixty ')
    expect(error).toHaveProperty('code')
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason ?? null)).not.toContain('stop')
    expect(backup.received).toEqual([])
  })
})

describe('what is no fault, or is the answer', () => {
  it('a slow drip that goes on is an answer', async () => {
    server.anthropic.respond = () => drips('x', 200)
    const { chunks, headers, controller } = await askStream(server.client)
    expect(headers.get('x-provider')).toBe('claude-code')
    let seen = 0
    for await (const { id } of chunks) if (id !== '' && ++seen > 12) break
    controller.abort()
    expect(backup.received).toEqual([])
  })

  it('a start with thinking only is output', async () => {
    server.anthropic.respond = () => says('Hello.', { thinking: 'Hm.' })
    expect(await stream()).toMatchObject({ text: 'Hello.', provider: 'claude-code' })
    expect(backup.received).toEqual([])
  })

  it('one bad chunk does not give half an answer as a whole one', async () => {
    server.anthropic.respond = () =>
      raw((response, request) => {
        const message = new MessageStream(response, request.model)
        const index = message.open({ type: 'text', chunks: [] })
        message.delta(index, { type: 'text_delta', text: 'Hel' })
        response.write('event: content_block_delta\ndata: {"type": "content_\n\n')
        message.delta(index, { type: 'text_delta', text: 'lo' })
        message.finish('end_turn')
      })
    const { text, error } = await stream()
    expect(text).toBe('Hel')
    expect(error).toMatchObject({ code: 'upstream_error' })
  })

  it('a refusal of the content: nobody else is asked', async () => {
    server.anthropic.respond = () => stopsWith('refusal', '')
    const { chunks } = await stream()
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('content_filter')
    expect(backup.received).toEqual([])
  })

  it('a conversation that is too long goes to a bigger provider only where one is configured', async () => {
    server.anthropic.respond = () =>
      fails(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum')
    expect(await failure(ask(server.client))).toMatchObject({ code: 'context_length_exceeded' })
    expect(backup.received).toEqual([])
  })
})

describe('coming home', () => {
  it('the next request goes to Claude Code again, with what the other answered in its history', async () => {
    backup.answer({ type: 'plain', body: completion('The capital is Paris.') })
    server.anthropic.respond = () => fails(529, 'overloaded_error', 'Overloaded')
    const question = { role: 'user' as const, content: 'The capital of France?' }
    const away = await ask(server.client, { messages: [question] })
    expect(away.headers.get('x-provider')).toBe('backup')
    server.anthropic.respond = () => says('Two million.')
    const before = server.anthropic.requests.length
    const home = await ask(server.client, {
      messages: [
        question,
        { role: 'assistant', content: away.text },
        { role: 'user', content: 'And how many live there?' },
      ],
    })
    expect(home.headers.get('x-provider')).toBe('claude-code')
    const told = server.anthropic.requests.slice(before).map((request) => conversation(request))
    expect(JSON.stringify(told)).toContain('The capital is Paris.')
    expect(told.at(-1)?.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
  })

  it('what needs Claude Code is refused while it is down, unless the caller allows less', async () => {
    backup.answer({ type: 'plain', body: completion('Without tools.') })
    server.anthropic.respond = () => fails(529, 'overloaded_error', 'Overloaded')
    const tools = ['Read']
    const error = await failure(ask(server.client, { claude_options: { tools } }))
    expect(error.message).toContain('allow_degraded')
    const { text, headers } = await ask(server.client, {
      claude_options: { tools, max_turns: 3, allow_degraded: true },
    })
    expect(text).toBe('Without tools.')
    expect(headers.get('x-dropped-options')).toBe('tools, max_turns')
  })
})

describe('the waiting caller', () => {
  it('gets heartbeats while another is asked, and then the answer', async () => {
    await using own = await startTestServer({
      ...settings,
      HEARTBEAT_SECONDS: '0.3',
      FIRST_TOKEN_TIMEOUT_SECONDS: '1.5',
      FALLBACK_API_URL_1: backup.url,
    })
    own.anthropic.respond = () => silent()
    const response = await fetch(`${own.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
    })
    const text = await response.text()
    expect(text).toMatch(/^: keep-alive\n\n/)
    expect(text).toContain('From the backup.')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it('gets a first token of Claude that is late but within the limit', async () => {
    const later = new Promise<void>((resolve) => {
      setTimeout(resolve, 700)
    })
    server.anthropic.respond = () => saysInTwo('One ', later, 'two.')
    expect(await stream()).toMatchObject({ text: 'One two.', provider: 'claude-code' })
  })
})
