import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, says, stopsWith } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import {
  callEvents,
  type Chat,
  callsOf,
  cityTool,
  ends,
  question,
  requestsDuring,
  streams,
  weather,
} from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

function ask(more: Partial<Chat> = {}) {
  return server.client.chat.completions.create({
    model: 'sonnet',
    messages: [question],
    tools: [weather, cityTool('get_time')],
    ...more,
    stream: false,
  })
}

const rome = { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }
const oslo = { id: 'toolu_2', name: 'get_time', input: { city: 'Oslo' } }
const romeCall = { id: 'toolu_1', name: 'get_weather', arguments: { city: 'Rome' } }
const osloCall = { id: 'toolu_2', name: 'get_time', arguments: { city: 'Oslo' } }

describe('an answer with calls', () => {
  it('has each call with its id, no content and finish_reason tool_calls', async () => {
    server.anthropic.enqueue(callsTools([rome, oslo]))
    const { value, requests } = await requestsDuring(server, () => ask())
    const [choice] = value.choices
    expect(choice).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        refusal: null,
        annotations: [],
        tool_calls: [
          {
            id: 'toolu_1',
            type: 'function',
            function: { name: 'get_weather', arguments: '{"city":"Rome"}' },
          },
          {
            id: 'toolu_2',
            type: 'function',
            function: { name: 'get_time', arguments: '{"city":"Oslo"}' },
          },
        ],
      },
      logprobs: null,
      finish_reason: 'tool_calls',
    })
    expect(value.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 7 })
    expect(requests).toHaveLength(1)
  })

  it('keeps the text before the calls', async () => {
    server.anthropic.enqueue(callsTools([{ ...rome, text: 'Let me look. ' }, oslo]))
    const answer = await ask()
    expect(answer.choices[0]).toMatchObject({
      message: { content: 'Let me look. ' },
      finish_reason: 'tool_calls',
    })
    expect(callsOf(answer.choices[0]?.message.tool_calls)).toEqual([romeCall, osloCall])
  })

  it('keeps eight parallel calls in the order of the model', async () => {
    const calls = Array.from({ length: 8 }, (_, index) => ({
      id: `toolu_${index}`,
      name: 'get_weather',
      input: { city: `City ${index} “é🌍\\n`, nested: { list: [1, null, { deep: true }] } },
    }))
    server.anthropic.enqueue(callsTools(calls))
    const answer = await ask()
    expect(callsOf(answer.choices[0]?.message.tool_calls)).toEqual(
      calls.map(({ id, name, input }) => ({ id, name, arguments: input })),
    )
  })

  it.each([
    ['nothing at all', []],
    ['an empty piece', ['']],
  ])('has {} as arguments when the model writes %s', async (_, fragments) => {
    const call = { id: 'toolu_1', name: 'now' }
    server.anthropic.enqueue(streams(...callEvents(0, call, fragments), ...ends('tool_use')))
    const answer = await ask({ tools: [{ type: 'function', function: { name: 'now' } }] })
    expect(answer.choices[0]?.message.tool_calls).toMatchObject([
      { function: { name: 'now', arguments: '{}' } },
    ])
  })

  it('goes on in words when the model calls a tool that nobody offered', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_9', name: 'get_moon', input: {} }]),
      says('There is no such tool.'),
    )
    const { value, requests } = await requestsDuring(server, () => ask())
    expect(value.choices[0]).toMatchObject({
      message: { content: 'There is no such tool.' },
      finish_reason: 'stop',
    })
    expect(value.choices[0]?.message.tool_calls).toBeUndefined()
    expect(JSON.stringify(requests[1]?.body.messages.at(-1))).toMatch(/[Nn]o such tool.*toolu_9/)
  })

  it('leaves out a call that the token limit cut, and says length', async () => {
    const call = { id: 'toolu_1', name: 'get_weather' }
    const [start, piece] = callEvents(0, call, ['{"city":"Ro'])
    server.anthropic.enqueue(
      streams(
        start ?? {},
        piece ?? {},
        { type: 'content_block_stop', index: 0 },
        ...ends('max_tokens'),
      ),
    )
    const answer = await ask({ max_completion_tokens: 20 })
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } })
    expect(answer.choices[0]?.message.tool_calls).toBeUndefined()
  })

  it('says length when the words before a call were cut', async () => {
    server.anthropic.enqueue(stopsWith('max_tokens', 'Let me'))
    const answer = await ask()
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { content: 'Let me' },
    })
  })

  it('comes n times, each with its own calls', async () => {
    let id = 0
    server.anthropic.respond = () => callsTools([{ ...rome, id: `toolu_n${id++}` }])
    const answer = await ask({ n: 2 })
    server.anthropic.respond = () => says('Hello.')
    const calls = answer.choices.map(({ index, message, finish_reason }) => [
      index,
      finish_reason,
      callsOf(message.tool_calls),
    ])
    expect(calls).toEqual([
      [0, 'tool_calls', [{ ...romeCall, id: expect.stringMatching(/^toolu_n[01]$/) }]],
      [1, 'tool_calls', [{ ...romeCall, id: expect.stringMatching(/^toolu_n[01]$/) }]],
    ])
  })

  it('cannot be one of Claude Code’s own output formats', async () => {
    const options = { claude_options: { output_format: 'json' } }
    await expect(ask(options)).rejects.toMatchObject({
      status: 400,
      param: 'claude_options.output_format',
    })
  })
})

describe('parallel_tool_calls: false', () => {
  it('has the API forbid more than one call', async () => {
    server.anthropic.enqueue(callsTools([rome]))
    const { value, requests } = await requestsDuring(server, () =>
      ask({ parallel_tool_calls: false }),
    )
    expect(requests[0]?.body['tool_choice']).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    })
    expect(callsOf(value.choices[0]?.message.tool_calls)).toEqual([romeCall])
  })

  it('is not said when the client does not ask for it', async () => {
    server.anthropic.enqueue(callsTools([rome]))
    const { requests } = await requestsDuring(server, () => ask({ parallel_tool_calls: true }))
    expect(requests[0]?.body['tool_choice']).toBeUndefined()
  })
})

describe('the older functions', () => {
  it('are called by function_call, once', async () => {
    server.anthropic.enqueue(callsTools([rome, oslo]))
    const { value, requests } = await requestsDuring(server, () =>
      ask({ tools: undefined, functions: [weather.function, cityTool('get_time').function] }),
    )
    expect(value.choices[0]).toMatchObject({
      message: {
        content: null,
        function_call: { name: 'get_weather', arguments: '{"city":"Rome"}' },
      },
      finish_reason: 'function_call',
    })
    expect(value.choices[0]?.message.tool_calls).toBeUndefined()
    expect(requests[0]?.body.tools?.map(({ name }) => name)).toEqual(['get_time', 'get_weather'])
  })

  it('get their result by a message of role function', async () => {
    server.anthropic.enqueue(says('Sunny.'))
    const { value, requests } = await requestsDuring(server, () =>
      ask({
        tools: undefined,
        functions: [weather.function],
        messages: [
          question,
          {
            role: 'assistant',
            content: null,
            function_call: { name: 'get_weather', arguments: '{"city":"Rome"}' },
          },
          { role: 'function', name: 'get_weather', content: 'sun' },
        ],
      }),
    )
    expect(value.choices[0]?.message.content).toBe('Sunny.')
    const [, call, result] =
      requests[0]?.body.messages.filter(({ role }) => role !== 'system') ?? []
    expect(call?.content).toMatchObject([
      { type: 'tool_use', id: 'call_message_1', name: 'get_weather', input: { city: 'Rome' } },
    ])
    expect(result?.content).toMatchObject([
      { type: 'tool_result', tool_use_id: 'call_message_1', content: [{ text: 'sun' }] },
    ])
  })

  it.each(['none', 'auto'] as const)('may have function_call %s', async (choice) => {
    server.anthropic.enqueue(says('Words.'))
    const answer = await ask({
      tools: undefined,
      functions: [weather.function],
      function_call: choice,
    })
    expect(answer.choices[0]).toMatchObject({
      message: { content: 'Words.' },
      finish_reason: 'stop',
    })
  })

  it('must be called where function_call names one', async () => {
    server.anthropic.enqueue(says('Words.'), callsTools([rome]))
    const answer = await ask({
      tools: undefined,
      functions: [weather.function],
      function_call: { name: 'get_weather' },
    })
    expect(answer.choices[0]).toMatchObject({
      message: { content: null, function_call: { name: 'get_weather' } },
      finish_reason: 'function_call',
    })
  })
})

describe('custom tools', () => {
  const tool = {
    type: 'custom' as const,
    custom: { name: 'run', description: 'Runs a program.' },
  }
  const program = 'print("a")\n\tprint(\'ü\')'

  it('are called with free text', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'run', input: { input: program } }]),
    )
    const { value, requests } = await requestsDuring(server, () => ask({ tools: [tool] }))
    expect(value.choices[0]).toMatchObject({
      message: {
        content: null,
        tool_calls: [{ id: 'toolu_1', type: 'custom', custom: { name: 'run', input: program } }],
      },
      finish_reason: 'tool_calls',
    })
    expect(requests[0]?.body.tools).toMatchObject([
      { name: 'run', description: 'Runs a program.', input_schema: { required: ['input'] } },
    ])
  })

  it('tell the model their grammar', async () => {
    const grammar = { syntax: 'lark' as const, definition: 'start: "a"+' }
    server.anthropic.enqueue(says('Fine.'))
    const { requests } = await requestsDuring(server, () =>
      ask({
        tools: [
          { type: 'custom', custom: { ...tool.custom, format: { type: 'grammar', grammar } } },
        ],
      }),
    )
    expect(requests[0]?.body.tools?.[0]?.description).toContain('start: "a"+')
    expect(requests[0]?.body.tools?.[0]?.description).toContain('Runs a program.')
  })

  it('come back in the history as the model wrote them', async () => {
    server.anthropic.enqueue(says('Done.'))
    const { requests } = await requestsDuring(server, () =>
      ask({
        tools: [tool],
        messages: [
          question,
          {
            role: 'assistant',
            tool_calls: [
              { id: 'toolu_1', type: 'custom', custom: { name: 'run', input: program } },
            ],
          },
          { role: 'tool', tool_call_id: 'toolu_1', content: 'a' },
        ],
      }),
    )
    const messages = requests[0]?.body.messages.filter(({ role }) => role !== 'system') ?? []
    expect(messages[1]?.content).toMatchObject([
      { type: 'tool_use', id: 'toolu_1', name: 'run', input: { input: program } },
    ])
  })
})
