import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fails, says, systemText } from '../../scripted-anthropic/server.ts'
import { completion, type ScriptedOpenAI, textFrames } from '../../scripted-openai/server.ts'
import type { TestServer } from '../../support/server.ts'
import { failure, questionOf } from './support.ts'
import { startWithVendor } from './vendor.ts'

let server: TestServer
let vendor: ScriptedOpenAI
beforeAll(async () => {
  ;({ server, vendor } = await startWithVendor({ FALLBACK_API_MODEL_1: 'vendor-model' }))
})
afterAll(() => server.close())
beforeEach(() => {
  vendor.received.length = 0
})

type Asked = Partial<OpenAI.CompletionCreateParams>

function ask(request: Asked = {}): Promise<{ data: OpenAI.Completion; response: Response }> {
  return server.client.completions
    .create({ model: 'sonnet', prompt: 'Once upon', ...request, stream: false })
    .withResponse()
}

async function askStream(request: Asked = {}): Promise<OpenAI.Completion[]> {
  const chunks: OpenAI.Completion[] = []
  const stream = await server.client.completions.create({
    model: 'sonnet',
    prompt: 'Once upon',
    ...request,
    stream: true,
  })
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

function textOf(chunks: OpenAI.Completion[], index = 0): string {
  return chunks
    .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
    .map(({ text }) => text)
    .join('')
}

describe('POST /v1/completions', () => {
  it('gives the prompt to Claude as it is', async () => {
    server.anthropic.enqueue(says(' a time.'))
    const before = server.anthropic.requests.length
    const { data, response } = await ask({ echo: true, temperature: 0 })
    expect(data).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      model: expect.stringContaining('sonnet'),
      choices: [{ text: 'Once upon a time.', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) },
    })
    expect(response.headers.get('x-ignored-parameters')).toBe('temperature')
    expect(response.headers.get('x-provider')).toBe('claude-code')
    const [request] = server.anthropic.requests.slice(before)
    expect(request && questionOf(request)).toBe('Once upon')
    expect(request && systemText(request)).toBe('')
  })

  it('streams, cuts at a stop sequence and tells the usage', async () => {
    server.anthropic.enqueue(says(' a time there was.'))
    const chunks = await askStream({ stop: ['there'], stream_options: { include_usage: true } })
    expect(textOf(chunks)).toBe(' a time ')
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { total_tokens: expect.any(Number) },
    })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  })

  it('answers each of several prompts', async () => {
    server.anthropic.respond = (request) => says(`${questionOf(request)}!`)
    const { data } = await ask({ prompt: ['One', 'Two'] })
    expect(data.choices.map(({ text, index }) => [index, text])).toEqual([
      [0, 'One!'],
      [1, 'Two!'],
    ])
    const chunks = await askStream({ prompt: ['One', 'Two'] })
    expect([textOf(chunks, 0), textOf(chunks, 1)]).toEqual(['One!', 'Two!'])
  })

  it('refuses by name what it cannot do', async () => {
    const error = await failure(ask({ suffix: 'the end' }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'suffix' })
    const tokens = await failure(ask({ prompt: [1, 2, 3] }))
    expect(tokens).toMatchObject({ code: 'unsupported_parameter', param: 'prompt' })
  })
})

describe('a fallback', () => {
  beforeEach(() => {
    server.anthropic.respond = () => fails(529, 'overloaded_error', 'Overloaded')
  })

  it('is asked by chat completions, and its answer is a text completion', async () => {
    vendor.answer({ type: 'plain', body: completion(' from the vendor.') })
    const { data, response } = await ask({ echo: true, temperature: 0, max_tokens: 9 })
    expect(data).toMatchObject({
      object: 'text_completion',
      choices: [{ text: 'Once upon from the vendor.', index: 0, finish_reason: 'stop' }],
    })
    expect(response.headers.get('x-provider')).toBe('vendor')
    expect(vendor.received[0]).toMatchObject({ path: '/v1/chat/completions' })
    expect(vendor.received[0]?.body).toEqual({
      model: 'vendor-model',
      messages: [{ role: 'user', content: 'Once upon' }],
      temperature: 0,
      max_tokens: 9,
      stream: false,
    })
  })

  it('does so while it streams', async () => {
    vendor.answer({ type: 'stream', frames: textFrames(' from', ' there.') })
    const chunks = await askStream()
    expect(textOf(chunks)).toBe(' from there.')
    expect(new Set(chunks.map(({ object }) => object))).toEqual(new Set(['text_completion']))
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
  })
})
