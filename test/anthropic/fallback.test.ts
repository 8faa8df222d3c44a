import type Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fails } from '../scripted-anthropic/server.ts'
import {
  completion,
  type ScriptedOpenAI,
  startScriptedOpenAI,
  textFrames,
} from '../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type CheckedClient, checkedClient, failure } from './client.ts'

let api: ScriptedOpenAI
let server: TestServer
let checked: CheckedClient
let client: Anthropic
beforeAll(async () => {
  api = await startScriptedOpenAI()
  server = await startTestServer({
    FALLBACK_API_NAME_1: 'other',
    FALLBACK_API_URL_1: api.url,
    FALLBACK_API_MODEL_1: 'other-model',
    BREAKER_FAILURES: '1000',
    BREAKER_WINDOW_SECONDS: '0.01',
  })
  server.anthropic.respond = () => fails(529, 'overloaded_error', 'Overloaded')
  checked = checkedClient(server.url)
  client = checked.client
})
afterAll(async () => {
  await server.close()
  await api[Symbol.asyncDispose]()
  expect(await checked.problems()).toEqual([])
})
beforeEach(() => {
  api.received.length = 0
})

const plain = {
  model: 'sonnet',
  max_tokens: 100,
  system: 'Be brief.',
  messages: [{ role: 'user' as const, content: 'Hello' }],
}
const tool = { name: 'f', input_schema: { type: 'object' as const } }

describe('when Claude cannot answer', () => {
  it('another API does, asked and read in OpenAI’s words', async () => {
    api.answer({ type: 'plain', body: completion('From the other.') })
    const { data, response } = await client.messages.create(plain).withResponse()
    expect(data).toMatchObject({
      content: [{ type: 'text', text: 'From the other.' }],
      stop_reason: 'end_turn',
    })
    expect(response.headers.get('x-provider')).toBe('other')
    expect(response.headers.get('x-attempts')).toContain('claude-code=overloaded')
    expect(api.received[0]?.body).toMatchObject({
      model: 'other-model',
      stream: false,
      max_completion_tokens: 100,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
      ],
    })
  })

  it('its stream comes as the client’s own events', async () => {
    api.answer({ type: 'stream', frames: textFrames('From', ' the other.') })
    const message = await client.messages.stream(plain).finalMessage()
    expect(message).toMatchObject({
      content: [{ type: 'text', text: 'From the other.' }],
      stop_reason: 'end_turn',
    })
    expect(api.received[0]?.body).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('its calls come as the client’s own blocks', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }
    const answer = completion('')
    const message = { role: 'assistant', content: null, refusal: null, tool_calls: [call] }
    api.answer({
      type: 'plain',
      body: { ...answer, choices: [{ index: 0, message, finish_reason: 'tool_calls' }] },
    })
    const asked = await client.messages.create({ ...plain, tools: [tool] })
    expect(asked).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ type: 'tool_use', id: 'call_1', name: 'f', input: { x: 1 } }],
    })
    api.answer({ type: 'plain', body: completion('Done.') })
    const content = [{ type: 'tool_result' as const, tool_use_id: 'call_1', content: 'Sun.' }]
    const done = await client.messages.create({
      ...plain,
      tools: [tool],
      messages: [
        ...plain.messages,
        { role: 'assistant', content: asked.content as Anthropic.ContentBlockParam[] },
        { role: 'user', content },
      ],
    })
    expect(done.content).toMatchObject([{ text: 'Done.' }])
    expect(api.received[1]?.body['messages']).toMatchObject([
      { role: 'system' },
      { role: 'user' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'Sun.' },
    ])
  })

  it('gets no thinking of Claude’s, and that is said', async () => {
    api.answer({ type: 'plain', body: completion('From the other.') })
    const content: Anthropic.ContentBlockParam[] = [
      { type: 'thinking', thinking: 'Hm.', signature: 'c2lnbmVk' },
      { type: 'text', text: 'Ho.' },
    ]
    const { response } = await client.messages
      .create({
        ...plain,
        messages: [...plain.messages, { role: 'assistant', content }, ...plain.messages],
      })
      .withResponse()
    expect(response.headers.get('x-notice')).toContain('thinking in the messages was left out')
    expect(api.received[0]?.body['messages']).toMatchObject([
      { role: 'system' },
      { role: 'user' },
      { role: 'assistant', content: 'Ho.' },
      { role: 'user' },
    ])
  })

  it('and nobody else can, the error has the client’s shape', async () => {
    api.answer({ type: 'status', status: 503 })
    const error = await failure(client.messages.create(plain))
    expect(error).toMatchObject({ status: 529, type: 'overloaded_error' })
  })
})
