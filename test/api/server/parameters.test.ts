import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask, askStream, failure, readAll } from './support.ts'

describe('parameters without effect', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.close())

  const ignored = {
    temperature: 0.2,
    top_p: 0.5,
    seed: 1,
    presence_penalty: 1,
    frequency_penalty: -1,
    logit_bias: { 50256: -100 },
    user: 'u',
    metadata: { a: 'b' },
    service_tier: 'priority',
    verbosity: 'low',
    some_future_parameter: { any: 1 },
  } as const

  it('are disclosed in a header, on a plain answer and on a stream', async () => {
    const { headers, text } = await ask(server.client, ignored)
    expect(text).toBe('Hello from the scripted model.')
    expect(headers.get('x-ignored-parameters')?.split(', ').toSorted()).toEqual(
      Object.keys(ignored).toSorted(),
    )
    const stream = await askStream(server.client, { temperature: 0.2 })
    expect(stream.headers.get('x-ignored-parameters')).toBe('temperature')
    expect((await readAll(stream.chunks)).text).toBe('Hello from the scripted model.')
  })

  it('are not mentioned where they ask for the default, or are null', async () => {
    const { headers } = await ask(server.client, {
      temperature: 1,
      presence_penalty: 0,
      seed: null,
      logprobs: false,
      tools: [],
      stop: null,
      n: 1,
      response_format: { type: 'text' },
    })
    expect(headers.get('x-ignored-parameters')).toBe(null)
  })

  it.each<[string, Record<string, unknown>]>([
    ['logprobs', { logprobs: true }],
    ['audio', { audio: { voice: 'alloy', format: 'mp3' } }],
    ['modalities', { modalities: ['text', 'audio'] }],
  ])('that cannot be honoured are refused: %s', async (param, request) => {
    const before = server.anthropic.requests.length
    const error = await failure(ask(server.client, request))
    expect(error).toMatchObject({ status: 400, code: 'unsupported_parameter', param })
    expect(error.message).toContain(param)
    expect(server.anthropic.requests.length).toBe(before)
  })

  it('n above MAX_CHOICES is refused', async () => {
    const error = await failure(ask(server.client, { n: 9 }))
    expect(error).toMatchObject({ status: 400, code: 'invalid_value', param: 'n' })
    expect(error.message).toMatch(/8.*9/)
  })
})

const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }
const withNamedResult = [
  { role: 'user', content: 'Hello' },
  { role: 'assistant', tool_calls: [call] },
  { role: 'tool', tool_call_id: 'a', name: 'f', content: 'x' },
]

describe('STRICT_PARAMETERS', () => {
  it('refuses what would be ignored, names it, and lets the rest through', async () => {
    await using server = await startTestServer({ STRICT_PARAMETERS: 'true' })
    for (const [param, request] of [
      ['temperature', { temperature: 0.2 }],
      ['some_future_parameter', { some_future_parameter: 1 }],
      ['messages[2].name', { messages: withNamedResult }],
    ] as const) {
      const error = await failure(ask(server.client, request as Record<string, unknown>))
      expect(error).toMatchObject({ status: 400, code: 'unsupported_parameter', param })
      expect(error.message).toContain('STRICT_PARAMETERS')
    }
    const { headers } = await ask(server.client, { temperature: 1, max_tokens: 9 })
    expect(headers.get('x-ignored-parameters')).toBe(null)
  })
})
