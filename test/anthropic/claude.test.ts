import { readFileSync } from 'node:fs'
import type Anthropic from '@anthropic-ai/sdk'
import { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { png } from '../attachments/pictures.ts'
import {
  callsTools,
  conversation,
  fails,
  says,
  stopsWith,
  systemText,
} from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type CheckedClient, checkedClient, failure } from './client.ts'

let server: TestServer
let checked: CheckedClient
let client: Anthropic
beforeAll(async () => {
  server = await startTestServer()
  checked = checkedClient(server.url)
  client = checked.client
})
afterAll(async () => {
  await server.close()
  expect(await checked.problems()).toEqual([])
})

const weather = {
  name: 'get_weather',
  description: 'Says how the weather is.',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' } },
    required: ['city'],
  },
}
const question = { role: 'user' as const, content: 'How is the weather?' }
const plain = { model: 'sonnet', max_tokens: 1_000, messages: [question] }

type Extended = Anthropic.Message & { claude?: { session_id: string; cost_usd: number } }

/** The last request that the model got. */
function lastRequest() {
  return server.anthropic.requests.at(-1) ?? expect.fail('The model was asked nothing.')
}

describe('a message', () => {
  it('comes whole, with thinking where it was asked for', async () => {
    server.anthropic.enqueue(
      says('Sunny.', {
        thinking: 'Look outside.',
        usage: {
          input_tokens: 11,
          cache_read_input_tokens: 22,
          cache_creation_input_tokens: 33,
          output_tokens: 44,
        },
      }),
    )
    const message: Extended = await client.messages.create({
      ...plain,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      thinking: { type: 'adaptive' },
      output_config: { effort: 'low' },
    })
    expect(message.content).toEqual([
      { type: 'thinking', thinking: 'Look outside.', signature: 'c2lnbmVk' },
      { type: 'text', text: 'Sunny.' },
    ])
    expect(message.id).toMatch(/^msg_/)
    expect(message.usage).toMatchObject({
      input_tokens: 11,
      cache_read_input_tokens: 22,
      cache_creation_input_tokens: 33,
      output_tokens: 44,
    })
    expect(message.claude?.session_id).toMatch(/^[\da-f-]{36}$/)
    expect(systemText(lastRequest())).toBe('Be brief.')
    expect(lastRequest().body.output_config).toMatchObject({ effort: 'low' })
    expect(conversation(lastRequest())).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'How is the weather?' }] },
    ])
  })

  it('is streamed as the client’s helper wants it', async () => {
    server.anthropic.enqueue(says('Sunny and warm.', { thinking: 'Look outside.' }))
    const kinds: string[] = []
    const stream = client.messages
      .stream({ ...plain, thinking: { type: 'adaptive' } })
      .on('thinking', () => kinds.push('thinking'))
      .on('signature', () => kinds.push('signature'))
      .on('text', () => kinds.push('text'))
    const message = await stream.finalMessage()
    expect(message.content).toMatchObject([
      { type: 'thinking', thinking: 'Look outside.', signature: 'c2lnbmVk' },
      { type: 'text', text: 'Sunny and warm.' },
    ])
    expect(message.stop_reason).toBe('end_turn')
    expect([...new Set(kinds)]).toEqual(['thinking', 'signature', 'text'])
  })

  it('begins with what the API has counted by then, and ends with all of it', async () => {
    const usage = {
      input_tokens: 11,
      cache_read_input_tokens: 22,
      cache_creation_input_tokens: 33,
    }
    server.anthropic.enqueue(says('Sunny.', { usage: { ...usage, output_tokens: 44 } }))
    const stream = await client.messages.create({ ...plain, stream: true })
    const told: unknown[] = []
    for await (const event of stream) {
      if (event.type === 'message_start') told.push(event.message.usage)
      if (event.type === 'message_delta') told.push(event.usage)
    }
    expect(told).toMatchObject([
      { ...usage, output_tokens: 1 },
      { ...usage, output_tokens: 44 },
    ])
  })

  it('has no thinking where none was asked for', async () => {
    server.anthropic.enqueue(says('Sunny.', { thinking: 'Look outside.' }))
    // A model that can be without; the others go on thinking, and it is not shown.
    const message = await client.messages.create({ ...plain, model: 'claude-haiku-4-5' })
    expect(message.content).toMatchObject([{ type: 'text', text: 'Sunny.' }])
    expect(lastRequest().body.thinking).toEqual({ type: 'disabled' })
  })

  it('ends at a stop sequence, at the token limit and at a refusal, and says so', async () => {
    server.anthropic.enqueue(says('One. END Two.'))
    const stopped = await client.messages.create({ ...plain, stop_sequences: ['STOP', 'END'] })
    expect(stopped).toMatchObject({
      content: [{ text: 'One. ' }],
      stop_reason: 'stop_sequence',
      stop_sequence: 'END',
    })
    server.anthropic.enqueue(stopsWith('max_tokens', 'One and'))
    const cut = await client.messages.create({ ...plain, max_tokens: 20 })
    expect(cut).toMatchObject({ content: [{ text: 'One and' }], stop_reason: 'max_tokens' })
    expect(lastRequest().body.max_tokens).toBe(20)
    server.anthropic.enqueue(stopsWith('refusal', 'I would rather not.'))
    const refused = await client.messages.create(plain)
    expect(refused.stop_reason).toBe('refusal')
  })

  it('takes earlier turns, system messages among them', async () => {
    server.anthropic.enqueue(says('Ada.'))
    const messages = [
      { role: 'user', content: 'I am Ada.' },
      { role: 'assistant', content: [{ type: 'text', text: 'Hello Ada.' }] },
      { role: 'user', content: [{ type: 'text', text: 'Who am I?' }] },
      { role: 'system', content: 'Be brief.' },
    ] as Anthropic.MessageParam[]
    const { data, response } = await client.messages.create({ ...plain, messages }).withResponse()
    expect(data.content).toMatchObject([{ text: 'Ada.' }])
    expect(response.headers.get('x-notice')).toContain('messages[3]')
    expect(systemText(lastRequest())).toBe('Be brief.')
    expect(conversation(lastRequest())).toMatchObject([
      { role: 'user', content: [{ text: 'I am Ada.' }] },
      { role: 'assistant', content: [{ text: 'Hello Ada.' }] },
      { role: 'user', content: [{ text: 'Who am I?' }] },
    ])
  })

  it('obeys a schema', async () => {
    server.anthropic.enqueue(callsTools([{ name: 'StructuredOutput', input: { city: 'Rome' } }]))
    const schema = {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    }
    const message = await client.messages.create({
      ...plain,
      output_config: { format: { type: 'json_schema', schema } },
    })
    expect(message.content).toMatchObject([{ type: 'text', text: '{"city":"Rome"}' }])
  })

  it('goes on with a session', async () => {
    server.anthropic.enqueue(says('Hello Ada.'), says('Ada.'))
    const first: Extended = await client.messages.create({
      ...plain,
      messages: [{ role: 'user', content: 'I am Ada.' }],
    })
    const more = { claude_options: { session_id: first.claude?.session_id } }
    const second: Extended = await client.messages.create({ ...plain, ...more })
    expect(second.claude?.session_id).toBe(first.claude?.session_id)
    expect(JSON.stringify(conversation(lastRequest()))).toContain('I am Ada.')
  })
})

describe('pictures and documents', () => {
  it('reach the model', async () => {
    server.anthropic.enqueue(says('A dot.'))
    const data = png(2, 2).toString('base64')
    const pdf = readFileSync(new URL('../attachments/pictures.ts', import.meta.url))
    await client.messages.create({
      ...plain,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
            {
              type: 'document',
              title: 'one.txt',
              source: { type: 'text', media_type: 'text/plain', data: 'Words of one.' },
            },
            {
              type: 'document',
              title: 'two',
              source: {
                type: 'base64',
                media_type: 'application/pdf',
                data: pdf.toString('base64'),
              },
            },
            { type: 'text', text: 'What is this?' },
          ],
        },
      ],
    })
    expect(conversation(lastRequest())).toMatchObject([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png' } },
          { type: 'document', title: 'one.txt', source: { data: 'Words of one.' } },
          // By its content it is a text, whatever was said of it.
          { type: 'document', title: 'two', source: { type: 'text' } },
          { type: 'text', text: 'What is this?' },
        ],
      },
    ])
  })

  it('may be uploaded before, and named by their ids', async () => {
    const upload = async (content: Buffer, name: string): Promise<string> => {
      const file = await toFile(content, name)
      return (await server.client.files.create({ file, purpose: 'user_data' })).id
    }
    const picture = await upload(png(2, 2), 'dot.png')
    const note = await upload(Buffer.from('Low water at noon.'), 'note.txt')
    server.anthropic.enqueue(says('At noon.'))
    const content = [
      { type: 'image', source: { type: 'file', file_id: picture } },
      { type: 'document', source: { type: 'file', file_id: note } },
      { type: 'text', text: 'When?' },
    ]
    await client.messages.create({
      ...plain,
      messages: [{ role: 'user', content: content as never }],
    })
    expect(conversation(lastRequest()).at(-1)?.content).toMatchObject([
      { type: 'image', source: { type: 'base64', media_type: 'image/png' } },
      { type: 'document', title: 'note.txt', source: { data: 'Low water at noon.' } },
      { type: 'text', text: 'When?' },
    ])
    const source = { type: 'file', file_id: 'file-nobody-has' }
    const error = await failure(
      client.messages.create({
        ...plain,
        messages: [{ role: 'user', content: [{ type: 'image', source }] as never }],
      }),
    )
    expect(error.error).toMatchObject({
      error: { param: 'messages[0].content[0].source.file_id' },
    })
  })

  it('are refused by their field when they are none', async () => {
    const source = { type: 'base64', media_type: 'image/png', data: 'bm9uZQ==' } as const
    const error = await failure(
      client.messages.create({
        ...plain,
        messages: [{ role: 'user', content: [{ type: 'image', source }] }],
      }),
    )
    expect(error.status).toBe(400)
    expect(error.error).toMatchObject({
      error: { param: 'messages[0].content[0].source.data', type: 'invalid_request_error' },
    })
  })
})

describe('tools', () => {
  const asked = { ...plain, tools: [weather] }

  it.each(['whole', 'streamed'])('make a round trip: %s', async (how) => {
    const ask = (body: typeof asked): Promise<Anthropic.Message> =>
      how === 'whole' ? client.messages.create(body) : client.messages.stream(body).finalMessage()
    server.anthropic.enqueue(
      callsTools([
        { id: `toolu_1${how}`, name: 'get_weather', input: { city: 'Rome' }, text: 'Let me look.' },
        { id: `toolu_2${how}`, name: 'get_weather', input: { city: 'Oslo' } },
      ]),
      says('Sun in Rome.'),
    )
    const first = await ask(asked)
    expect(first).toMatchObject({
      stop_reason: 'tool_use',
      content: [
        { type: 'text', text: 'Let me look.' },
        { type: 'tool_use', id: `toolu_1${how}`, name: 'get_weather', input: { city: 'Rome' } },
        { type: 'tool_use', id: `toolu_2${how}`, name: 'get_weather', input: { city: 'Oslo' } },
      ],
    })
    const second = await ask({
      ...asked,
      messages: [
        question,
        { role: 'assistant', content: first.content },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: `toolu_1${how}`, content: 'Sun.' },
            {
              type: 'tool_result',
              tool_use_id: `toolu_2${how}`,
              content: [{ type: 'text', text: 'No such city.' }],
              is_error: true,
            },
          ],
        },
      ] as never,
    })
    expect(second).toMatchObject({ stop_reason: 'end_turn', content: [{ text: 'Sun in Rome.' }] })
    const results = conversation(lastRequest()).at(-1)?.content
    expect(results).toMatchObject([
      { type: 'tool_result', tool_use_id: `toolu_1${how}` },
      { type: 'tool_result', tool_use_id: `toolu_2${how}`, is_error: true },
    ])
  })

  it('must be called where the choice says so, and one at a time', async () => {
    server.anthropic.enqueue(callsTools([{ name: 'get_weather', input: { city: 'Rome' } }]))
    const message = await client.messages.create({
      ...asked,
      tool_choice: { type: 'tool', name: 'get_weather', disable_parallel_tool_use: true },
    })
    expect(message.stop_reason).toBe('tool_use')
    expect(systemText(lastRequest())).toContain('you must call the tool `get_weather`')
    expect(lastRequest().body['tool_choice']).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    })
  })

  it('with names of Claude Code’s own bring nothing of its own with them', async () => {
    server.anthropic.enqueue(says('Well.'))
    const tools = ['Bash', 'Agent'].map((name) => ({ ...weather, name }))
    await client.messages.create({ ...plain, tools })
    const request = lastRequest()
    expect(conversation(request)).toEqual([
      { role: 'user', content: [{ type: 'text', text: question.content }] },
    ])
    expect(JSON.stringify(request.body.messages)).not.toContain('Available agent types')
    expect(request.body.tools?.map(({ name }) => name).toSorted()).toEqual(['Agent', 'Bash'])
  })

  it('are refused by the field of their schema', async () => {
    const error = await failure(
      client.messages.create({
        ...plain,
        tools: [{ name: 'f', input_schema: { type: 'object', properties: { 'a b': {} } } }],
      }),
    )
    expect(error.error).toMatchObject({ error: { param: 'tools[0].input_schema.properties' } })
  })

  it('of Claude Code stand for the API’s web search where the owner allows them', async () => {
    server.anthropic.enqueue(says('Nothing new.'))
    await client.messages.create({
      ...plain,
      tools: [{ type: 'web_search_20250305', name: 'web_search' }],
    })
    expect(lastRequest().body.tools?.map(({ name }) => name)).toEqual(['WebSearch'])
  })
})

describe('failures of the API behind', () => {
  it.each([
    [529, 'overloaded_error', 529, 'overloaded_error'],
    [429, 'rate_limit_error', 429, 'rate_limit_error'],
    [401, 'authentication_error', 503, 'api_error'],
  ])('%i %s', async (status, type, seen, kind) => {
    server.anthropic.enqueue(fails(status, type, 'It did not work.'))
    const error = await failure(client.messages.create(plain))
    expect(error).toMatchObject({ status: seen, type: kind })
  })

  it('tell of a prompt that is too long in the words that Claude Code knows', async () => {
    server.anthropic.enqueue(
      fails(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
    )
    const error = await failure(client.messages.create(plain))
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error' })
    expect(error.error).toMatchObject({
      error: {
        code: 'context_length_exceeded',
        message: expect.stringMatching(/^prompt is too long/i),
      },
    })
  })

  it('of a model that nobody knows', async () => {
    const error = await failure(client.messages.create({ ...plain, model: 'no-such-model' }))
    expect(error).toMatchObject({ status: 404, type: 'not_found_error' })
  })
})
