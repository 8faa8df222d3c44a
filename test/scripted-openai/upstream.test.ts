import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cancellation } from '../../src/turn/cancellation.ts'
import type { UpstreamTimeouts } from '../../src/upstreams/call.ts'
import {
  createUpstream,
  type Upstream,
  type UpstreamOptions,
} from '../../src/upstreams/upstream.ts'
import type { UserPart } from '../../src/turn/message.ts'
import { TurnError } from '../../src/turn/error.ts'
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
} from './server.ts'
import { contextOf, record, relayed, turnOf, typesOf } from './turns.ts'

const key = 'sk-secret-of-the-server'
const patient = allLimits(20_000)
const hasty = allLimits(200)
const foldedUsage = {
  inputTokens: 15,
  cacheReadTokens: 5,
  cacheCreationTokens: 0,
  outputTokens: 7,
  reasoningTokens: 3,
}

function allLimits(ms: number): UpstreamTimeouts {
  return {
    connectMs: ms,
    headersMs: ms,
    firstOutputMs: ms,
    idleMs: ms,
    answerMs: ms,
    silenceMs: ms,
    turnMs: 20_000,
  }
}

/** Short limits for an API that will be silent, so that the others do not depend on the machine's speed. */
function limitsFor(script: Script): UpstreamTimeouts {
  if (script.type === 'silence') return hasty
  return script.type === 'stream' && (script.after === 'stall' || script.pauseMs) ? hasty : patient
}

let api: ScriptedOpenAI
let upstreams: Upstream[]

beforeEach(async () => {
  api = await startScriptedOpenAI()
  upstreams = []
})

afterEach(async () => {
  await Promise.all(upstreams.map((upstream) => upstream[Symbol.asyncDispose]()))
  await api[Symbol.asyncDispose]()
})

function open(options: Partial<UpstreamOptions> = {}, attachments: UserPart[] = []): Upstream {
  const upstream = createUpstream(
    { name: 'backup', url: api.url, timeouts: patient, ...options },
    { resolveAttachments: () => Promise.resolve(attachments), now: () => Date.UTC(2026, 0, 1) },
  )
  upstreams.push(upstream)
  return upstream
}

const plain = contextOf()
const stream = contextOf({ stream: true })

describe('the request of an upstream', () => {
  it('is the caller’s own body, unknown fields included, with the mapped model and without what is ours', async () => {
    const body = {
      model: 'gpt-4o',
      n: 3,
      temperature: 0.5,
      stream: true,
      stream_options: { include_usage: true },
      unknown_field: { deep: [1, null, 'x'] },
      claude_options: { debug: true },
    }
    await record(open({ key, model: 'their-model' }).run(turnOf(body), plain))
    const [request] = api.received
    expect(request).toMatchObject({ method: 'POST', path: '/v1/chat/completions' })
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: `Bearer ${key}`,
      accept: 'application/json',
    })
    expect(request?.body).toEqual({
      model: 'their-model',
      temperature: 0.5,
      stream: false,
      unknown_field: { deep: [1, null, 'x'] },
      messages: [{ role: 'user', content: 'Say hello' }],
    })
  })

  it('keeps the caller’s model and stream options, and has no credentials without a key', async () => {
    api.answer({ type: 'stream', frames: textFrames('Hi') })
    const body = { model: 'gpt-4o', stream_options: { include_usage: true } }
    const { events } = await record(open({ url: `${api.url}/v1/` }).run(turnOf(body), stream))
    expect(api.received[0]?.path).toBe('/v1/chat/completions')
    expect(api.received[0]?.headers).not.toHaveProperty('authorization')
    expect(api.received[0]?.body).toMatchObject({ ...body, stream: true })
    expect(typesOf(events)).not.toContain('notice')
  })

  it('discloses the model it asks for instead', async () => {
    const { events } = await record(
      open({ model: 'theirs' }).run(turnOf({ model: 'gpt-4o' }), plain),
    )
    expect(events[0]).toEqual({
      type: 'notice',
      notice: { type: 'model-mapped', from: 'gpt-4o', to: 'theirs' },
    })
  })

  it('has the addition to the system prompt after the system messages, and the attachments in the last user message', async () => {
    const attachments: UserPart[] = [
      { type: 'text', text: 'a.txt' },
      { type: 'image', source: { type: 'base64', mediaType: 'image/png', data: 'AAAA' } },
      {
        type: 'document',
        name: 'b.pdf',
        source: { type: 'base64', mediaType: 'application/pdf', data: 'BBBB' },
      },
      { type: 'document', name: 'c.txt', source: { type: 'text', text: 'content' } },
    ]
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'First', name: 'me' },
      { role: 'assistant', content: 'Yes' },
      { role: 'user', content: 'Look', name: 'me' },
    ]
    const claude = { files: ['a.txt'], appendSystemPrompt: 'Be kind.' }
    await record(open({}, attachments).run(turnOf({ messages }, claude), plain))
    expect(api.received[0]?.body.messages).toEqual([
      messages[0],
      { role: 'system', content: 'Be kind.' },
      messages[1],
      messages[2],
      {
        role: 'user',
        name: 'me',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'text', text: 'a.txt' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          {
            type: 'file',
            file: { filename: 'b.pdf', file_data: 'data:application/pdf;base64,BBBB' },
          },
          { type: 'text', text: 'c.txt:\n\ncontent' },
        ],
      },
    ])
  })

  it('is not sent when an attachment cannot be read', async () => {
    const upstream = createUpstream(
      { name: 'backup', url: api.url },
      {
        resolveAttachments: () =>
          Promise.reject(new TurnError('invalid_value', 'There is no file x.')),
        now: Date.now,
      },
    )
    upstreams.push(upstream)
    const { error } = await record(upstream.run(turnOf({}, { files: ['x'] }), plain))
    expect(error?.code).toBe('invalid_value')
    expect(api.received).toHaveLength(0)
  })

  it('uses connections again after whole, streamed and refused answers', async () => {
    const upstream = open()
    const streamed: Script = { type: 'stream', frames: textFrames('Hi') }
    const refused: Script = { type: 'status', status: 500, body: { error: { message: 'x' } } }
    api.answer(...[1, 2, 3].flatMap((): Script[] => [{ type: 'plain' }, streamed, refused]))
    for (let count = 0; count < 9; count++) {
      await record(upstream.run(turnOf(), count % 3 === 1 ? stream : plain))
    }
    // One would do; a second is opened when a call comes before the pool has seen the last answer's end.
    expect(new Set(api.received.map(({ connection }) => connection)).size).toBeLessThanOrEqual(2)
    expect(await Promise.all(api.received.map(({ closedEarly }) => closedEarly))).not.toContain(
      true,
    )
  })
})

describe('a whole answer of an upstream', () => {
  it('is relayed as it came, with the model and usage that the upstream names', async () => {
    const { events, error } = await record(open().run(turnOf({ model: 'gpt-4o' }), plain))
    expect(error).toBeUndefined()
    const body = completion('Hello from the fallback.')
    expect(events).toEqual([
      { type: 'start', id: 'chatcmpl-scripted', provider: 'backup', model: 'scripted-model-2' },
      { type: 'relay', dialect: 'openai-chat', body, text: JSON.stringify(body) },
      { type: 'finish', reason: 'stop', model: 'scripted-model-2', usage: foldedUsage },
    ])
  })

  it.each([
    [
      'a tool call',
      { role: 'assistant', content: null, tool_calls: [{ id: 'a' }] },
      'tool_calls',
      'tool-calls',
    ],
    ['no text at the token limit', { role: 'assistant', content: '' }, 'length', 'length'],
    ['filtered text', { role: 'assistant', content: null }, 'content_filter', 'content-filter'],
  ])('may be %s', async (_name, message, finish, reason) => {
    api.answer({
      type: 'plain',
      body: completion('', { choices: [{ index: 0, message, finish_reason: finish }] }),
    })
    const { events } = await record(open().run(turnOf(), plain))
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason })
  })

  it.each<[string, Script, string?]>([
    ['is empty', { type: 'raw', text: '', headers: { 'content-type': 'application/json' } }],
    ['is an empty object', { type: 'plain', body: {} }],
    ['says nothing', { type: 'plain', body: completion('') }],
    [
      'is not JSON',
      { type: 'raw', text: '{"choices": [', headers: { 'content-type': 'application/json' } },
    ],
    ['is a web page', { type: 'raw', text: '<html>', headers: { 'content-type': 'text/html' } }],
    ['has no content type', { type: 'raw', text: '{}', headers: {} }],
    [
      'is an error in disguise',
      { type: 'plain', body: { error: { message: 'oh' } } },
      'upstream_error',
    ],
    ['never comes', { type: 'silence' }, 'first_token_timeout'],
    ['is a closed connection', { type: 'reset' }, 'upstream_error'],
    ['is a redirect', { type: 'status', status: 307, headers: { location: '/elsewhere' } }],
    [
      'is a broken server',
      { type: 'status', status: 500, body: { error: { message: 'inside' } } },
      'upstream_error',
    ],
  ])('is no answer when it %s', async (_name, script, code = 'upstream_invalid_answer') => {
    api.answer(script)
    const { events, error } = await record(
      open({ timeouts: limitsFor(script) }).run(turnOf(), plain),
    )
    expect(error?.code).toBe(code)
    expect(error?.message).toContain('"backup"')
    expect(error?.message).not.toContain('inside')
    expect(events).toEqual([])
    expect(api.received).toHaveLength(1)
  })
})

describe('the status of an upstream', () => {
  const secret = {
    error: { message: `Wrong key ${key}, see x`, param: 'messages[0]', code: 'bad', type: 't' },
  }

  it.each<[number, unknown, Record<string, string>, Partial<TurnError>]>([
    [
      400,
      secret,
      {},
      {
        code: 'invalid_request',
        param: 'messages[0]',
        message: 'The API "backup" refused the request: Wrong key [key], see x',
      },
    ],
    [422, {}, {}, { code: 'invalid_request' }],
    [
      400,
      { error: { code: 'context_length_exceeded', message: 'long' } },
      {},
      { code: 'context_length_exceeded' },
    ],
    [
      400,
      { object: 'error', message: "This model's maximum context length is 10" },
      {},
      { code: 'context_length_exceeded' },
    ],
    [
      401,
      secret,
      {},
      {
        code: 'upstream_unauthorized',
        message: 'The API "backup" refused the credentials of this server (status 401).',
      },
    ],
    [402, secret, {}, { code: 'upstream_unauthorized' }],
    [403, secret, {}, { code: 'upstream_unauthorized' }],
    [403, { error: { code: 403, metadata: { reasons: ['x'] } } }, {}, { code: 'content_filter' }],
    [400, { error: { code: 'content_filter', message: 'x' } }, {}, { code: 'content_filter' }],
    [404, secret, {}, { code: 'model_not_found', param: 'model' }],
    [413, {}, {}, { code: 'request_too_large' }],
    [429, secret, { 'retry-after': '3' }, { code: 'rate_limit_exceeded', retryAfterMs: 3000 }],
    [429, {}, { 'retry-after-ms': '40' }, { code: 'rate_limit_exceeded', retryAfterMs: 40 }],
    [429, {}, { 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' }, { retryAfterMs: 9000 }],
    [429, { error: { code: 'insufficient_quota' } }, {}, { code: 'insufficient_quota' }],
    [503, secret, { 'retry-after': '1' }, { code: 'upstream_error', retryAfterMs: 1000 }],
    [529, {}, {}, { code: 'upstream_error' }],
  ])('%i with %j and %j becomes an error of its class', async (status, body, headers, expected) => {
    api.answer({ type: 'status', status, body, headers })
    const upstream = open({ key })
    for (const context of [plain, stream]) {
      const { error, events } = await record(upstream.run(turnOf(), context))
      expect(error).toMatchObject(expected)
      expect(String(error)).not.toContain(key)
      expect(events).toEqual([])
    }
  })

  it('404 is the server’s own mistake when the model was configured', async () => {
    api.answer({ type: 'status', status: 404 })
    const { error } = await record(open({ model: 'theirs' }).run(turnOf(), plain))
    expect(error?.code).toBe('upstream_error')
  })

  it('is upstream_error without details when nobody listens', async () => {
    await api[Symbol.asyncDispose]()
    const { error } = await record(open().run(turnOf(), stream))
    expect(error).toMatchObject({ code: 'upstream_error' })
    expect(error?.message).toContain('ECONNREFUSED')
    api = await startScriptedOpenAI()
  })
})

describe('silence before a whole answer', () => {
  const late: Script = { type: 'late', afterMs: 500, by: { type: 'plain' } }
  const timeouts = { ...patient, silenceMs: 100 }

  it('is waited for while nobody else could answer', async () => {
    api.answer(late)
    const { events, error } = await record(open({ timeouts }).run(turnOf(), plain))
    expect(error).toBeUndefined()
    expect(events.at(-1)).toMatchObject({ type: 'finish' })
  })

  it('is left for somebody else', async () => {
    api.answer(late)
    const { error } = await record(open({ timeouts }).run(turnOf(), contextOf({ hasOthers: true })))
    expect(error).toMatchObject({ code: 'first_token_timeout' })
  })

  it('is silence though blanks come, and an answer after blanks is one', async () => {
    const text = `\n\n  ${JSON.stringify(completion('Here.'))}`
    api.answer({ type: 'raw', text, headers: { 'content-type': 'application/json' } })
    const { events } = await record(open().run(turnOf(), plain))
    expect(events.at(-1)).toMatchObject({ type: 'finish' })
  })
})

describe('a streamed answer of an upstream', () => {
  it('is relayed chunk by chunk, unknown fields included, from the first output on', async () => {
    api.answer({ type: 'stream', frames: [': hello\n\n', ...textFrames('Hel', 'lo')] })
    const { events, error } = await record(open().run(turnOf(), stream))
    expect(error).toBeUndefined()
    expect(events[0]).toEqual({
      type: 'start',
      id: 'chatcmpl-scripted',
      provider: 'backup',
      model: 'scripted-model-2',
    })
    expect(relayed(events)).toEqual([
      roleChunk,
      chunk({ content: 'Hel' }),
      chunk({ content: 'lo' }),
      finishChunk,
      usageChunk,
    ])
    expect(events.at(-1)).toEqual({
      type: 'finish',
      reason: 'stop',
      model: 'scripted-model-2',
      usage: foldedUsage,
    })
  })

  it.each([
    ['thinking', { reasoning_content: 'hm' }],
    ['a tool call', { tool_calls: [{ index: 0, id: 'a' }] }],
    ['a refusal', { refusal: 'no' }],
    ['a field of the vendor', { images: [{ url: 'x' }] }],
  ])('starts with %s', async (_name, delta) => {
    api.answer({ type: 'stream', frames: [frame(roleChunk), frame(chunk(delta))], after: 'stall' })
    const { events } = await record(open({ timeouts: hasty }).run(turnOf(), stream))
    expect(typesOf(events)).toEqual(['start', 'relay', 'relay'])
  })

  const role = frame(roleChunk)
  const text = frame(chunk({ content: 'Hel' }))

  it.each<[string, Script, string]>([
    ['is empty', { type: 'stream', frames: [] }, 'upstream_invalid_answer'],
    [
      'has only a role',
      { type: 'stream', frames: [role, frame(chunk({ content: '', tool_calls: [] }))] },
      'upstream_invalid_answer',
    ],
    [
      'stops without a word',
      { type: 'stream', frames: [role, frame(finishChunk), done] },
      'upstream_invalid_answer',
    ],
    ['is cut after the role', { type: 'stream', frames: [role], after: 'cut' }, 'upstream_error'],
    [
      'is silent after the role',
      { type: 'stream', frames: [role], after: 'stall' },
      'first_token_timeout',
    ],
    ['is silent', { type: 'silence' }, 'first_token_timeout'],
    [
      'is only keep-alive',
      { type: 'stream', frames: Array.from({ length: 30 }, () => ': hm\n\n'), pauseMs: 20 },
      'first_token_timeout',
    ],
    ['is JSON instead', { type: 'plain' }, 'upstream_invalid_answer'],
    [
      'is an error',
      { type: 'stream', frames: [role, frame({ error: { message: 'x' } })] },
      'upstream_error',
    ],
    [
      'is an error event',
      { type: 'stream', frames: [role, 'event: error\ndata: sorry\n\n'] },
      'upstream_error',
    ],
    [
      'is a quota error',
      { type: 'stream', frames: [frame({ error: { code: 'insufficient_quota' } })] },
      'insufficient_quota',
    ],
    [
      'is an error with a status',
      { type: 'stream', frames: [frame({ error: { code: 429 } })] },
      'rate_limit_exceeded',
    ],
    [
      'is the caller’s mistake',
      { type: 'stream', frames: [frame({ error: { type: 'invalid_request_error' } })] },
      'invalid_request',
    ],
  ])('fails before the start when it %s', async (_name, script, code) => {
    api.answer(script)
    const { events, error } = await record(
      open({ timeouts: limitsFor(script) }).run(turnOf(), stream),
    )
    expect(error?.code).toBe(code)
    expect(events).toEqual([])
  })

  it.each<[string, Script]>([
    ['is cut', { type: 'stream', frames: [role, text], after: 'cut' }],
    ['ends without a reason', { type: 'stream', frames: [role, text] }],
    ['says [DONE] without a reason', { type: 'stream', frames: [role, text, done] }],
    ['stalls', { type: 'stream', frames: [role, text], after: 'stall' }],
    [
      'has an error',
      { type: 'stream', frames: [role, text, frame({ error: { code: 400, message: key } })] },
    ],
    [
      'has an error event',
      { type: 'stream', frames: [role, text, 'event: error\ndata: {"message":"x"}\n\n'] },
    ],
    [
      'ends with an error',
      { type: 'stream', frames: [role, text, frame(chunk({}, 'error')), done] },
    ],
  ])('throws after what came when it %s', async (_name, script) => {
    api.answer(script)
    const { events, error } = await record(
      open({ timeouts: limitsFor(script) }).run(turnOf(), stream),
    )
    expect(typesOf(events)).toEqual(['start', 'relay', 'relay'])
    expect(error?.code).toBe(_name === 'stalls' ? 'idle_timeout' : 'upstream_error')
    expect(error?.message).not.toContain(key)
  })

  it.each<[string, Script]>([
    ['[DONE] is missing', { type: 'stream', frames: [role, text, frame(finishChunk)] }],
    [
      '[DONE] is missing and the line is cut',
      { type: 'stream', frames: [role, text, frame(finishChunk)], after: 'cut' },
    ],
    [
      'nothing follows the reason',
      { type: 'stream', frames: [role, text, frame(finishChunk)], after: 'stall' },
    ],
    [
      'the line stays open after [DONE]',
      { type: 'stream', frames: [role, text, frame(finishChunk), done], after: 'stall' },
    ],
    [
      'a chunk is not JSON',
      {
        type: 'stream',
        frames: [role, text, 'data: {"choices": [\n\n', 'data: 1\n\n', frame(finishChunk), done],
      },
    ],
    [
      'the blank line after [DONE] is missing',
      { type: 'stream', frames: [role, text, frame(finishChunk), 'data: [DONE]'] },
    ],
  ])('is whole when %s', async (_name, script) => {
    api.answer(script)
    const { events, error } = await record(
      open({ timeouts: limitsFor(script) }).run(turnOf(), stream),
    )
    expect(error).toBeUndefined()
    expect(relayed(events)).toEqual([roleChunk, chunk({ content: 'Hel' }), finishChunk])
    expect(typesOf(events)).toEqual(['start', 'relay', 'relay', 'relay', 'finish'])
  })

  it('does not count the time in which its reader is slow', async () => {
    api.answer({ type: 'stream', frames: textFrames('a', 'b') })
    const seen: string[] = []
    for await (const event of open({ timeouts: { ...patient, idleMs: 100 } }).run(
      turnOf(),
      stream,
    )) {
      seen.push(event.type)
      if (seen.length <= 2) await new Promise((resolve) => setTimeout(resolve, 250))
    }
    expect(seen.at(-1)).toBe('finish')
  })
})

function left(reason?: TurnError): Cancellation {
  const caller = new Cancellation()
  caller.abort(reason)
  return caller
}

describe('a caller that leaves', () => {
  it.each<[string, Script, boolean]>([
    ['before the first header', { type: 'silence' }, false],
    [
      'before the first output',
      { type: 'stream', frames: [frame(roleChunk)], after: 'stall' },
      true,
    ],
    [
      'in the middle',
      { type: 'stream', frames: [frame(chunk({ content: 'a' }))], after: 'stall' },
      true,
    ],
  ])('%s closes the connection at once', async (_name, script, isStream) => {
    api.answer(script)
    const caller = new Cancellation()
    const upstream = open()
    const running = record(
      upstream.run(turnOf(), contextOf({ stream: isStream, cancellation: caller })),
    )
    const request = await api.request(0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const left = performance.now()
    caller.abort()
    const { error } = await running
    expect(await request.closedEarly).toBe(true)
    expect(performance.now() - left).toBeLessThan(1000)
    expect(error?.code).toBe('request_cancelled')
  })

  it('by ending the iteration closes the connection as well', async () => {
    api.answer({ type: 'stream', frames: [frame(chunk({ content: 'a' }))], after: 'stall' })
    for await (const event of open().run(turnOf(), stream)) if (event.type === 'relay') break
    expect(await (await api.request(0)).closedEarly).toBe(true)
  })

  it('before the call sends nothing', async () => {
    const { error } = await record(open().run(turnOf(), contextOf({ cancellation: left() })))
    expect(error?.code).toBe('request_cancelled')
    expect(api.received).toHaveLength(0)
  })

  it('because the server stops gets the server’s reason', async () => {
    const reason = new TurnError('shutting_down', 'This server is stopping.')
    const { error } = await record(open().run(turnOf(), contextOf({ cancellation: left(reason) })))
    expect(error).toBe(reason)
  })
})
