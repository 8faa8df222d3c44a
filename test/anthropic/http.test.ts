import Anthropic from '@anthropic-ai/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import { type ErrorCode, TurnError } from '../../src/turn/error.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { gate } from '../api/server/support.ts'
import { all, says, type Script, serve, type TestOptions, type TestServer } from '../http/server.ts'
import { problemsOfError, problemsOfStream } from './checker.ts'
import { type CheckedClient, checkedClient, failure } from './client.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function start(
  script: Script = () => says('Hel', 'lo'),
  options: TestOptions = {},
): Promise<TestServer & { anthropic: CheckedClient }> {
  server = await serve(script, options)
  return { ...server, anthropic: checkedClient(server.url, options.apiKey) }
}

const hello = {
  model: 'claude-opus-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hello' }],
}

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

// oxlint-disable-next-line require-yield
async function* failing(code: ErrorCode): AsyncGenerator<TurnEvent> {
  throw new TurnError(code, 'It did not work.')
}

describe('the official client', () => {
  it('creates a message', async () => {
    const { anthropic, backend, finished } = await start()
    const { data, response, request_id } = await anthropic.client.messages
      .create(hello)
      .withResponse()
    expect(data.content).toEqual([{ type: 'text', text: 'Hello' }])
    expect(data).toMatchObject({ stop_reason: 'end_turn', usage: { input_tokens: 3 } })
    expect(data.id).toBe('msg_msg-1')
    expect(request_id).toMatch(/^req_/)
    expect(response.headers.get('x-provider')).toBe('claude')
    expect(response.headers.get('x-claude-session-id')).toBe('session-1')
    expect(backend.runs[0]?.turn).toMatchObject({ model: 'claude-opus-5-5', thinking: 'off' })
    expect(await anthropic.problems()).toEqual([])
    await server?.close()
    expect(finished[0]).toMatchObject({ route: '/v1/messages', status: 200, stream: false })
  })

  it('reads a stream, by hand and with its helper', async () => {
    const { anthropic } = await start()
    const events = await all(await anthropic.client.messages.create({ ...hello, stream: true }))
    expect(events.map(({ type }) => type)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
    const texts: string[] = []
    const stream = anthropic.client.messages.stream(hello).on('text', (text) => texts.push(text))
    const message = await stream.finalMessage()
    expect(texts).toEqual(['Hel', 'lo'])
    expect(message.content).toMatchObject([{ type: 'text', text: 'Hello' }])
    expect(message.usage).toMatchObject({
      input_tokens: 3,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 100,
      output_tokens: 7,
    })
    expect(await anthropic.problems()).toEqual([])
  })

  it('asks the beta endpoint', async () => {
    const { anthropic, backend } = await start()
    const message = await anthropic.client.beta.messages.create({
      ...hello,
      betas: ['context-management-2025-06-27'],
      context_management: { edits: [] },
    })
    expect(message.content).toMatchObject([{ text: 'Hello' }])
    expect(backend.runs).toHaveLength(1)
    expect(await anthropic.problems()).toEqual([])
  })

  it('counts tokens, about', async () => {
    const { anthropic, backend } = await start()
    const { model, messages } = hello
    const count = (text: string) =>
      anthropic.client.messages
        .countTokens({ model, messages: [...messages, { role: 'user', content: text }] })
        .withResponse()
    const { data, response } = await count('x'.repeat(3_500))
    expect(data.input_tokens).toBeGreaterThan(1_000)
    expect(data.input_tokens).toBeLessThan(1_050)
    expect(response.headers.get('x-notice')).toContain('estimate')
    expect((await count('潮'.repeat(1_000))).data.input_tokens).toBeGreaterThan(1_000)
    expect(backend.runs).toHaveLength(0)
    expect(await anthropic.problems()).toEqual([])
    const error = await failure(
      anthropic.client.messages.countTokens({ model, messages: 1 as never }),
    )
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error' })
  })
})

describe('a stream', () => {
  it('is pinged while it is silent, before its first output too', async () => {
    const { opened, open } = gate()
    const { url } = await start(
      async function* () {
        await opened
        yield* says('x')
      },
      { heartbeatMs: 20 },
    )
    const response = await post(`${url}/v1/messages`, { ...hello, stream: true })
    let text = ''
    for await (const bytes of response.body ?? []) {
      text += Buffer.from(bytes).toString()
      if (text.includes('ping')) open()
    }
    expect(text.startsWith('event: ping\ndata: {"type":"ping"}\n\n')).toBe(true)
    expect(text).toContain('event: message_stop')
    expect(problemsOfStream(text)).toEqual([])
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('request-id')).toMatch(/^req_/)
  })

  it('that fails says why in its last event, and the client throws it', async () => {
    const { anthropic } = await start(async function* () {
      yield { type: 'start', id: 'x', provider: 'p', model: 'm' }
      yield { type: 'text-start', block: 0 }
      yield { type: 'text-delta', block: 0, text: 'Hel' }
      throw new TurnError('overloaded', 'Too much.')
    })
    const events = await anthropic.client.messages.create({ ...hello, stream: true })
    const error = await failure(all(events))
    expect(error.message).toContain('Too much.')
    expect(error.error).toMatchObject({ error: { type: 'overloaded_error', code: 'overloaded' } })
    expect(await anthropic.problems()).toEqual([])
  })

  it('that fails before its first output is an error with its status', async () => {
    const { anthropic } = await start(() => failing('rate_limit_exceeded'))
    const error = await failure(anthropic.client.messages.stream(hello).finalMessage())
    expect(error).toBeInstanceOf(Anthropic.RateLimitError)
    expect(await anthropic.problems()).toEqual([])
  })
})

describe('errors', () => {
  it.each([
    ['invalid_request', 400, Anthropic.BadRequestError, 'invalid_request_error'],
    ['forbidden', 403, Anthropic.PermissionDeniedError, 'permission_error'],
    ['model_not_found', 404, Anthropic.NotFoundError, 'not_found_error'],
    ['session_busy', 409, Anthropic.ConflictError, 'conflict_error'],
    ['usage_limit_reached', 429, Anthropic.RateLimitError, 'rate_limit_error'],
    ['server_error', 500, Anthropic.InternalServerError, 'api_error'],
    ['upstream_error', 502, Anthropic.InternalServerError, 'api_error'],
    ['idle_timeout', 504, Anthropic.InternalServerError, 'timeout_error'],
    ['overloaded', 529, Anthropic.InternalServerError, 'overloaded_error'],
  ] as const)('%s is %i', async (code, status, kind, type) => {
    const { anthropic } = await start(() => failing(code))
    const error = await failure(anthropic.client.messages.create(hello))
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ status, type })
    expect(error.error).toMatchObject({ error: { code }, request_id: error.requestID })
    expect(await anthropic.problems()).toEqual([])
  })

  it('name the field', async () => {
    const { anthropic, backend } = await start()
    const error = await failure(
      anthropic.client.messages.create({ ...hello, max_tokens: 'many' as never }),
    )
    expect(error).toBeInstanceOf(Anthropic.BadRequestError)
    expect(error.error).toMatchObject({
      error: {
        code: 'invalid_type',
        param: 'max_tokens',
        message: expect.stringContaining('must be a'),
      },
    })
    expect(backend.runs).toHaveLength(0)
    expect(await anthropic.problems()).toEqual([])
  })

  it('of keys have the same shape, and either header has the key', async () => {
    const { url, anthropic } = await start(() => says('x'), { apiKey: 'right-key' })
    expect((await anthropic.client.messages.create(hello)).content).toHaveLength(1)
    const bearer = { authorization: 'Bearer right-key' }
    expect((await post(`${url}/v1/messages`, hello, bearer)).status).toBe(200)
    const wrong = checkedClient(url, 'wrong-key')
    const error = await failure(wrong.client.messages.create(hello))
    expect(error).toBeInstanceOf(Anthropic.AuthenticationError)
    expect(error.type).toBe('authentication_error')
    expect([...(await anthropic.problems()), ...(await wrong.problems())]).toEqual([])
  })

  it.each([
    ['GET', '/v1/messages', 405, 'use POST'],
    ['POST', '/v1/messages/batches', 404, 'Unknown request URL'],
    ['POST', '/v1/v1/messages', 404, 'Did you mean /v1/messages?'],
    ['POST', '/messages', 404, 'ends without /v1'],
  ])('of addresses have the same shape: %s %s', async (method, path, status, words) => {
    const { url } = await start()
    const response = await fetch(`${url}${path}`, {
      method,
      ...(method === 'POST' && {
        headers: { 'content-type': 'application/json' },
        body: '{}',
      }),
    })
    expect(response.status).toBe(status)
    const body: unknown = await response.json()
    expect(problemsOfError(body)).toEqual([])
    expect(JSON.stringify(body)).toContain(words)
  })

  it.each([
    ['text/plain', '{}', 415, 'invalid_request_error'],
    ['application/json', '{', 400, 'invalid_request_error'],
    ['application/json', JSON.stringify('x'.repeat(3_000)), 413, 'request_too_large'],
  ])('of bodies have the same shape: %s %s', async (type, body, status, kind) => {
    const { url } = await start(() => says('x'), { bodyLimitBytes: 2_000 })
    const headers = { 'content-type': type }
    const response = await fetch(`${url}/v1/messages`, { method: 'POST', headers, body })
    expect(response.status).toBe(status)
    const answer: unknown = await response.json()
    expect(problemsOfError(answer)).toEqual([])
    expect(answer).toMatchObject({ error: { type: kind } })
  })

  it('elsewhere stay OpenAI’s', async () => {
    const { url } = await start()
    const response = await post(`${url}/v1/chat/completions`, {})
    expect(await response.json()).toMatchObject({ error: { param: 'messages' } })
    expect(response.headers.get('request-id')).toBeNull()
  })
})
