import { describe, expect, it } from 'vitest'
import type { TurnEvent } from '../../src/turn/event.ts'
import { all, claude, hello, says, type Script, usage } from './server.ts'
import { oneServer } from './one-server.ts'

const { start, close } = oneServer()

async function frames(response: Response): Promise<string[]> {
  const text = await response.text()
  expect(text.endsWith('\n\n')).toBe(true)
  expect(text).not.toContain('\r')
  return text.slice(0, -2).split('\n\n')
}

function chunks(lines: string[]): Record<string, unknown>[] {
  return lines
    .filter((line) => line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice('data: '.length)))
}

const request = { model: 'sonnet', messages: hello }

describe('a plain answer', () => {
  it('has every field that OpenAI requires, and the claude extension', async () => {
    const { client, finished, backend } = await start(() => says('Hel', 'lo'))
    const { data, response } = await client.chat.completions.create(request).withResponse()
    expect(data).toEqual({
      id: 'chatcmpl-msg-1',
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'claude-test',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello', refusal: null, annotations: [] },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 123,
        completion_tokens: 7,
        total_tokens: 130,
        prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 100, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 2,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
      claude: { session_id: 'session-1', cost_usd: 0.0123, duration_ms: 42, turns: 1 },
    })
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-request-id': expect.stringMatching(/^req_[\da-f]{32}$/),
      'openai-version': '2020-10-01',
      'openai-processing-ms': expect.stringMatching(/^\d+$/),
      'x-provider': 'claude',
      'x-claude-session-id': 'session-1',
      'x-claude-cost-usd': '0.0123',
    })
    expect(finished[0]).toMatchObject({
      id: response.headers.get('x-request-id'),
      method: 'POST',
      route: '/v1/chat/completions',
      status: 200,
      provider: 'claude',
      model: 'claude-test',
      requestedModel: 'sonnet',
      choices: 1,
      stream: false,
      usage,
    })
    expect(finished[0]?.content).toBeUndefined()
    expect(backend.runs[0]?.context).toMatchObject({ owner: 'anonymous', stream: false })
  })

  it('shows thinking and activity beside the text', async () => {
    const { client } = await start(async function* () {
      yield { type: 'start', id: 'a', provider: 'claude', model: 'm' }
      yield { type: 'reasoning-start', block: 0 }
      yield { type: 'reasoning-delta', block: 0, text: 'hm' }
      yield { type: 'reasoning-end', block: 0 }
      yield {
        type: 'activity',
        activity: { type: 'tool-use', id: 't1', name: 'Read', input: { a: 1 } },
      }
      yield {
        type: 'activity',
        activity: { type: 'tool-result', id: 't1', content: 'x', isError: false },
      }
      yield {
        type: 'finish',
        reason: 'content-filter',
        model: 'm',
        usage,
        claude: { ...claude, debugLog: '/log' },
      }
    })
    const answer = await client.chat.completions.create(request)
    expect(answer.choices[0]).toMatchObject({
      message: { content: '', reasoning_content: 'hm' },
      finish_reason: 'content_filter',
    })
    expect(answer).toMatchObject({
      claude: {
        debug_log: '/log',
        activity: [
          { type: 'tool_use', id: 't1', name: 'Read', input: { a: 1 } },
          { type: 'tool_result', id: 't1', content: 'x', is_error: false },
        ],
      },
    })
  })

  it('has n choices from n turns when n is asked for', async () => {
    const { client, backend } = await start((_turn, _context, run) => says(`answer ${run}`))
    const { data, response } = await client.chat.completions
      .create({ ...request, n: 3 })
      .withResponse()
    expect(data.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'answer 0'],
      [1, 'answer 1'],
      [2, 'answer 2'],
    ])
    expect(data.usage?.completion_tokens).toBe(21)
    expect(data).toMatchObject({
      claude: { session_id: 'session-1', choices: [{ index: 0 }, { index: 1 }, { index: 2 }] },
    })
    expect(response.headers.get('x-claude-cost-usd')).toBe('0.0369')
    expect(backend.runs).toHaveLength(3)
  })

  it('keeps every character, lone surrogates too', async () => {
    const text = ' \u00a0grüße 👋 \ud83d\n\u2028 '
    const { client, backend } = await start(() => says(text))
    const answer = await client.chat.completions.create({
      messages: [{ role: 'user', content: text }],
      model: 'm',
    })
    expect(answer.choices[0]?.message.content).toBe(text)
    expect(backend.runs[0]?.turn.messages[0]?.content).toEqual([{ type: 'text', text }])
  })

  it('discloses notices in headers, ASCII only', async () => {
    const { client } = await start(async function* () {
      yield { type: 'notice', notice: { type: 'model-mapped', from: 'gpt-4o', to: 'sonnet' } }
      yield { type: 'notice', notice: { type: 'dropped-option', name: 'debug' } }
      yield { type: 'notice', notice: { type: 'remark', text: 'grüße\r\nx-evil: 1' } }
      yield* says('x')
    })
    const { response } = await client.chat.completions
      .create({ ...request, temperature: 0, seed: 1, presence_penalty: 0, store: false })
      .withResponse()
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-model-mapped': 'gpt-4o -> sonnet',
      'x-ignored-parameters': 'temperature, seed',
      'x-dropped-options': 'debug',
      'x-notice': 'gr??e??x-evil: 1',
    })
    expect(response.headers.get('x-evil')).toBeNull()
  })
})

describe('a stream', () => {
  it('is exactly these frames', async () => {
    const { post, finished } = await start(() => says('Hel', 'lo'))
    const response = await post({ ...request, stream: true })
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      'x-provider': 'claude',
      'x-claude-session-id': 'session-1',
      'openai-version': '2020-10-01',
      'openai-processing-ms': expect.any(String),
      'x-request-id': expect.any(String),
    })
    expect(response.headers.get('content-length')).toBeNull()
    expect(response.headers.get('x-claude-cost-usd')).toBeNull()
    const lines = (await frames(response)).map((line) =>
      line.replace(/"created":\d+/, '"created":0'),
    )
    const head =
      '"id":"chatcmpl-msg-1","object":"chat.completion.chunk","created":0,"model":"claude-test"'
    const chunk = (delta: string, reason = 'null'): string =>
      `data: {${head},"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}]`
    expect(lines).toEqual([
      `${chunk('{"role":"assistant","content":"","refusal":null}')}}`,
      `${chunk('{"content":"Hel"}')}}`,
      `${chunk('{"content":"lo"}')}}`,
      `${chunk('{}', '"stop"')},"claude":{"session_id":"session-1","cost_usd":0.0123,"duration_ms":42,"turns":1}}`,
      'data: [DONE]',
    ])
    expect(finished[0]).toMatchObject({
      status: 200,
      stream: true,
      usage,
      firstTokenMs: expect.any(Number),
    })
  })

  it('ends with a usage chunk, and null before it, when usage is asked for', async () => {
    const { client } = await start(() => says('x'))
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    })
    const pieces = await all(stream)
    expect(pieces.slice(0, -1).map((chunk) => chunk.usage)).toEqual([null, null, null])
    expect(pieces.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 123, total_tokens: 130 },
    })
  })

  it('interleaves n choices by index, each with its own role and finish chunk', async () => {
    const { client } = await start((_turn, _context, run) => says(`a${run}`, `b${run}`))
    const stream = await client.chat.completions.create({ ...request, n: 2, stream: true })
    const pieces = await all(stream)
    for (const index of [0, 1]) {
      const own = pieces.flatMap(({ choices }) =>
        choices.filter((choice) => choice.index === index),
      )
      expect(
        own.map(({ delta, finish_reason }) => [delta.role, delta.content, finish_reason]),
      ).toEqual([
        ['assistant', '', null],
        [undefined, `a${index}`, null],
        [undefined, `b${index}`, null],
        [undefined, undefined, 'stop'],
      ])
    }
    expect(new Set(pieces.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(
      1,
    )
  })

  it('carries thinking and activity', async () => {
    const { post } = await start(async function* () {
      yield { type: 'start', id: 'a', provider: 'claude', model: 'm' }
      yield { type: 'reasoning-start', block: 0 }
      yield { type: 'reasoning-delta', block: 0, text: 'hm' }
      yield { type: 'reasoning-end', block: 0 }
      yield { type: 'activity', activity: { type: 'tool-use', id: 't1', name: 'Read', input: {} } }
      yield { type: 'finish', reason: 'length', model: 'm', usage }
    })
    const pieces = chunks(await frames(await post({ ...request, stream: true })))
    expect(
      pieces.map(({ choices, claude: extension }) => [
        (choices as { delta: unknown }[])[0]?.delta,
        extension,
      ]),
    ).toEqual([
      [{ role: 'assistant', content: '', refusal: null }, undefined],
      [{ reasoning_content: 'hm' }, undefined],
      [{}, { activity: { type: 'tool_use', id: 't1', name: 'Read', input: {} } }],
      [{}, undefined],
    ])
  })
})

const relayed = (...values: Record<string, unknown>[]): Script =>
  async function* (): AsyncGenerator<TurnEvent> {
    yield { type: 'start', id: 'up', provider: 'other', model: 'm' }
    for (const value of values) {
      const text = `data: ${JSON.stringify(value)}\n\n`
      if ('object' in value) yield { type: 'relay', dialect: 'openai-chat', body: value }
      else yield { type: 'relay', dialect: 'openai-chat', chunks: [value], text }
    }
    yield { type: 'finish', reason: 'stop', model: 'm', usage }
  }

describe('an answer that an upstream of the same dialect gives', () => {
  const body = {
    id: 'up',
    object: 'chat.completion',
    choices: [{ index: 0, message: { content: 'x' }, extra: 1 }],
    more: { a: 1 },
  }
  it('goes out as it came, and nothing of the request counts as ignored', async () => {
    const { post } = await start(relayed(body))
    const response = await post({ ...request, temperature: 0 })
    expect(await response.json()).toEqual(body)
    expect(response.headers.get('x-provider')).toBe('other')
    expect(response.headers.get('x-ignored-parameters')).toBeNull()
  })

  it('streams each chunk as it came', async () => {
    const { post } = await start(
      relayed({ id: 'up', choices: [], odd: true }, { choices: [], usage: {} }),
    )
    const response = await post({
      ...request,
      stream: true,
      temperature: 0,
      stream_options: { include_usage: true },
    })
    expect(response.headers.get('x-ignored-parameters')).toBeNull()
    expect(await frames(response)).toEqual([
      'data: {"id":"up","choices":[],"odd":true}',
      'data: {"choices":[],"usage":{}}',
      'data: [DONE]',
    ])
  })

  it('takes its own index among several choices', async () => {
    const { post } = await start(relayed(body))
    const answer = (await (await post({ ...request, n: 2 })).json()) as {
      choices: { index: number; extra: number }[]
    }
    expect(answer.choices.map(({ index, extra }) => [index, extra])).toEqual([
      [0, 1],
      [1, 1],
    ])
    await close()
    const streaming = await start(
      relayed(
        { id: 'up', choices: [{ index: 0, delta: { content: 'x' }, extra: 1 }] },
        { choices: [], usage: {} },
      ),
    )
    const pieces = chunks(
      await frames(
        await streaming.post({
          ...request,
          n: 2,
          stream: true,
          stream_options: { include_usage: true },
        }),
      ),
    )
    expect(
      pieces.map(({ choices }) => (choices as { index: number }[]).map(({ index }) => index)),
    ).toEqual([[0], [1], []])
  })
})

describe('the log of content', () => {
  it('has the prompt and the answer only when the owner wants it', async () => {
    const { client, finished } = await start(() => says('Hel', 'lo'), { logContent: true })
    await client.chat.completions.create(request)
    expect(finished[0]?.content).toMatchObject({ request: { messages: hello }, answer: ['Hello'] })
  })
})
