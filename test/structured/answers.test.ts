import { zodResponseFormat } from 'openai/helpers/zod'
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  callsTools,
  conversation,
  fails,
  says,
  type Step,
  stopsWith,
} from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ WAITING_PROCESSES: '0' })
})
afterAll(() => server.close())

const schema = {
  type: 'object',
  properties: { when: { type: 'string', format: 'date' }, n: { type: 'integer' } },
  required: ['when'],
  additionalProperties: false,
}
const format = {
  type: 'json_schema' as const,
  json_schema: { name: 'event', schema, strict: true },
}
const event = { when: '2026-11-24', n: 1 }

const gives = (input: unknown) => callsTools([{ name: 'StructuredOutput', input }])

type Request = Partial<ChatCompletionCreateParamsNonStreaming>

function requestOf(more: Request): ChatCompletionCreateParamsNonStreaming {
  return {
    model: 'sonnet',
    messages: [{ role: 'user', content: 'When?' }],
    response_format: format,
    ...more,
  }
}

/** One request while the model answers by this script and no further. */
async function ask(steps: Step[], more: Request = {}) {
  const before = server.anthropic.requests.length
  server.anthropic.enqueue(...steps)
  server.anthropic.respond = () => fails(400, 'invalid_request_error', 'The script has ended.')
  const completion = await server.client.chat.completions.create(requestOf(more))
  const [choice] = completion.choices
  if (!choice) throw new Error('There was no answer.')
  return { choice, completion, requests: server.anthropic.requests.slice(before) }
}

describe('a structured answer', () => {
  it('is the content, as one JSON document', async () => {
    const { choice, requests } = await ask([gives(event)])
    expect(choice).toMatchObject({ finish_reason: 'stop', message: { refusal: null } })
    expect(JSON.parse(choice.message.content ?? '')).toEqual(event)
    expect(requests).toHaveLength(1)
  })

  it('is asked for again when it does not obey, with what is wrong', async () => {
    const { choice, requests, completion } = await ask([gives({ when: 'soon' }), gives(event)])
    expect(JSON.parse(choice.message.content ?? '')).toEqual(event)
    expect(JSON.stringify(requests[1]?.body.messages)).toContain('must match format')
    expect(completion.usage?.completion_tokens).toBe(14)
  })

  it('is asked for again when the model only talks', async () => {
    const { choice } = await ask([says('It is today.'), says('Really.'), gives(event)])
    expect(choice.message.content).toBe(JSON.stringify(event))
  })

  it('fails as invalid_output when it never obeys, never as JSON that does not', async () => {
    server.anthropic.respond = () => gives({ when: 'soon' })
    const failure: unknown = await server.client.chat.completions
      .create(requestOf({}))
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ status: 502, code: 'invalid_output' })
    expect(String(failure)).toContain('value/when must match format "date"')
  })

  it('fails as invalid_output when Claude Code itself gives up', async () => {
    const before = server.anthropic.requests.length
    server.anthropic.respond = () => gives({ n: 'none' })
    const failure: unknown = await server.client.chat.completions
      .create(requestOf({}))
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ status: 502, code: 'invalid_output' })
    expect(server.anthropic.requests.length - before).toBeLessThan(30)
  })

  it('knows the history', async () => {
    const messages = [
      { role: 'user' as const, content: 'A date, please' },
      { role: 'assistant' as const, content: '{"when":"2026-01-01"}' },
      { role: 'user' as const, content: 'The next one' },
    ]
    const { choice, requests } = await ask([gives(event)], { messages })
    expect(choice.message.content).toBe(JSON.stringify(event))
    const [received] = requests.map(conversation)
    expect(received?.map(({ role, content }) => [role, content[0]?.['text']])).toEqual(
      messages.map(({ role, content }) => [role, content]),
    )
  })

  it('is any object for json_object', async () => {
    const { choice } = await ask([gives({ any: ['thing', null] })], {
      response_format: { type: 'json_object' },
    })
    expect(JSON.parse(choice.message.content ?? '')).toEqual({ any: ['thing', null] })
  })

  it('is a content_filter without content when the model refuses', async () => {
    const { choice } = await ask([stopsWith('refusal', 'I cannot say.')])
    expect(choice.finish_reason).toBe('content_filter')
    expect(() => JSON.parse(choice.message.content ?? '')).toThrow()
  })

  it('is a length without invalid JSON when the tokens run out', async () => {
    const { choice } = await ask([stopsWith('max_tokens', 'It is')], { max_completion_tokens: 5 })
    expect(choice.finish_reason).toBe('length')
  })
})

describe('a streamed structured answer', () => {
  it('comes as content that parses, with the helpers of the client', async () => {
    server.anthropic.enqueue(gives({ when: 'soon' }), gives(event))
    const stream = server.client.chat.completions.stream({ ...requestOf({}), stream: true })
    let text = ''
    stream.on('content', (delta) => (text += delta))
    const completion = await stream.finalChatCompletion()
    expect(JSON.parse(text)).toEqual(event)
    expect(completion.choices[0]?.message.content).toBe(text)
    expect(completion.choices[0]?.finish_reason).toBe('stop')
  })

  it('ends with an error and without JSON when it never obeys', async () => {
    server.anthropic.respond = () => gives({ when: 'soon' })
    let text = ''
    const stream = await server.client.chat.completions
      .create({ ...requestOf({}), stream: true })
      .catch(() => undefined)
    const read = async () => {
      for await (const chunk of stream ?? []) text += chunk.choices[0]?.delta.content ?? ''
      if (!stream) throw new Error('refused before the stream')
    }
    await expect(read()).rejects.toThrow()
    expect(text).toBe('')
  })
})

describe('a structured answer beside tools', () => {
  const look = {
    type: 'function' as const,
    function: {
      name: 'look_up',
      parameters: { type: 'object', properties: { q: { type: 'string' } } },
    },
  }

  it('waits for the results of a call, and comes then', async () => {
    const first = await ask(
      [callsTools([{ id: 'toolu_1', name: 'look_up', input: { q: 'date' } }])],
      {
        tools: [look],
      },
    )
    expect(first.choice.finish_reason).toBe('tool_calls')
    expect(first.choice.message.content).toBeNull()
    const messages = [
      { role: 'user' as const, content: 'When?' },
      first.choice.message,
      { role: 'tool' as const, tool_call_id: 'toolu_1', content: '2026-11-24' },
    ]
    const second = await ask([gives(event)], { tools: [look], messages })
    expect(second.choice.finish_reason).toBe('stop')
    expect(JSON.parse(second.choice.message.content ?? '')).toEqual(event)
    const [received] = second.requests.map(conversation)
    expect(received?.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(received?.[2]?.content).toMatchObject([{ type: 'tool_result', tool_use_id: 'toolu_1' }])
  })
})

describe('the client’s own parsing', () => {
  const person = z.object({
    name: z.string(),
    born: z.iso.date().nullable(),
    tags: z.array(z.enum(['a', 'b'])),
    home: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('flat'), floor: z.number().int() }),
      z.object({ kind: z.literal('house') }),
    ]),
  })

  it('takes what zodResponseFormat asked for', async () => {
    const value = {
      name: 'Ada',
      born: null,
      tags: ['a'],
      home: { kind: 'flat', floor: 3 },
    } as const
    server.anthropic.enqueue(gives({ ...value, home: { kind: 'flat' } }), gives(value))
    const completion = await server.client.chat.completions.parse({
      model: 'sonnet',
      messages: [{ role: 'user', content: 'Who?' }],
      response_format: zodResponseFormat(person, 'person'),
    })
    expect(completion.choices[0]?.message.parsed).toEqual(value)
  })

  it('takes a schema that refers to itself', async () => {
    type Node = { n: number; children: Node[] }
    const node: z.ZodType<Node> = z.lazy(() => z.object({ n: z.number(), children: z.array(node) }))
    const value = { root: { n: 1, children: [{ n: 2, children: [] }] } }
    server.anthropic.enqueue(gives(value))
    const completion = await server.client.chat.completions.parse({
      model: 'sonnet',
      messages: [{ role: 'user', content: 'A tree' }],
      response_format: zodResponseFormat(z.object({ root: node }), 'tree'),
    })
    expect(completion.choices[0]?.message.parsed).toEqual(value)
  })
})
