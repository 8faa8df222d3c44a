import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, says, systemText } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import {
  callsOf,
  type Chat,
  cityTool,
  lastMessage,
  question,
  requestsDuring,
  weather,
} from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const time = cityTool('get_time')
const rome = { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }
const romeCall = { id: 'toolu_1', name: 'get_weather', arguments: { city: 'Rome' } }
const oslo = { id: 'toolu_2', name: 'get_time', input: { city: 'Oslo' } }
const osloCall = { id: 'toolu_2', name: 'get_time', arguments: { city: 'Oslo' } }

function ask(tool_choice: Chat['tool_choice'], more: Partial<Chat> = {}) {
  return server.client.chat.completions.create({
    model: 'sonnet',
    messages: [question],
    tools: [weather, time],
    ...(tool_choice && { tool_choice }),
    ...more,
    stream: false,
  })
}

function functions(...names: string[]) {
  return names.map((name) => ({ type: 'function', function: { name } }))
}

function allowed(mode: 'auto' | 'required', ...names: string[]) {
  return { type: 'allowed_tools' as const, allowed_tools: { mode, tools: functions(...names) } }
}

const named = { type: 'function' as const, function: { name: 'get_weather' } }

describe('tool_choice auto', () => {
  it.each([undefined, 'auto' as const])('(%s) leaves it to the model', async (choice) => {
    server.anthropic.enqueue(says('Words.'))
    const { value, requests } = await requestsDuring(server, () => ask(choice))
    expect(value.choices[0]).toMatchObject({
      message: { content: 'Words.' },
      finish_reason: 'stop',
    })
    expect(systemText(requests[0] ?? expect.fail())).not.toContain('tool')
  })
})

describe('tool_choice none', () => {
  it('turns a call down, and the answer is in words', async () => {
    server.anthropic.enqueue(
      callsTools([{ ...rome, text: 'Let me look.' }]),
      says('Sunny, I guess.'),
    )
    const { value, requests } = await requestsDuring(server, () => ask('none'))
    expect(value.choices[0]?.finish_reason).toBe('stop')
    expect(value.choices[0]?.message.tool_calls).toBeUndefined()
    expect(value.choices[0]?.message.content).toContain('Sunny, I guess.')
    expect(lastMessage(requests[1])?.content).toMatchObject([
      { type: 'tool_result', is_error: true },
    ])
  })

  it('needs no tools', async () => {
    server.anthropic.enqueue(says('Words.'))
    const answer = await ask('none', { tools: undefined })
    expect(answer.choices[0]?.message.content).toBe('Words.')
  })
})

describe.each([
  ['required', 'required' as const],
  ['a named function', named],
  ['allowed_tools, required', allowed('required', 'get_weather')],
])('tool_choice %s', (_, choice) => {
  it('is said to the model, and a call at once is the answer', async () => {
    server.anthropic.enqueue(callsTools([{ ...rome, text: 'Let me look.' }]))
    const { value, requests } = await requestsDuring(server, () => ask(choice))
    expect(callsOf(value.choices[0]?.message.tool_calls)).toEqual([romeCall])
    expect(value.choices[0]).toMatchObject({
      message: { content: 'Let me look.' },
      finish_reason: 'tool_calls',
    })
    expect(requests).toHaveLength(1)
    expect(systemText(requests[0] ?? expect.fail())).toMatch(/In your next answer you must call/)
  })

  it('asks again after an answer in words, of which the client sees nothing', async () => {
    server.anthropic.enqueue(says('No need.'), says('Really not.'), callsTools([rome]))
    const { value, requests } = await requestsDuring(server, () => ask(choice))
    expect(value.choices[0]?.message).toMatchObject({ content: null })
    expect(callsOf(value.choices[0]?.message.tool_calls)).toEqual([romeCall])
    expect(requests).toHaveLength(3)
    expect(lastMessage(requests[1])?.content).toMatchObject([
      { type: 'text', text: expect.stringMatching(/^No tool was called\. .*must call/) },
    ])
    expect(value.usage?.completion_tokens).toBe(21)
  })

  it('fails with invalid_output when three answers are words', async () => {
    server.anthropic.enqueue(says('No.'), says('No.'), says('No.'))
    const { value: error, requests } = await requestsDuring(server, () =>
      ask(choice).catch((thrown: unknown) => thrown),
    )
    expect(error).toMatchObject({ status: 502, code: 'invalid_output' })
    expect(requests).toHaveLength(3)
  })

  it('fails with a status in a stream too: no word has left', async () => {
    server.anthropic.enqueue(says('No.'), says('No.'), says('No.'))
    const params = { model: 'sonnet', messages: [question], tools: [weather, time] }
    const streamed = server.client.chat.completions.create({
      ...params,
      tool_choice: choice,
      stream: true,
    })
    await expect(streamed).rejects.toMatchObject({ status: 502, code: 'invalid_output' })
  })
})

describe.each([
  ['a named function', named],
  ['allowed_tools, required', allowed('required', 'get_weather')],
  ['allowed_tools, auto', allowed('auto', 'get_weather')],
])('tool_choice %s', (_, choice) => {
  it('turns down the call of another function', async () => {
    server.anthropic.enqueue(callsTools([oslo]), callsTools([rome]))
    const { value, requests } = await requestsDuring(server, () => ask(choice))
    expect(callsOf(value.choices[0]?.message.tool_calls)).toEqual([romeCall])
    expect(lastMessage(requests[1])?.content).toMatchObject([
      {
        type: 'tool_result',
        tool_use_id: 'toolu_2',
        is_error: true,
        content: expect.stringContaining(
          'Only these tools may be called in this answer: get_weather',
        ),
      },
    ])
  })
})

describe('tool_choice allowed_tools', () => {
  it('of mode auto takes words as well', async () => {
    server.anthropic.enqueue(says('Words.'))
    const answer = await ask(allowed('auto', 'get_weather'))
    expect(answer.choices[0]).toMatchObject({
      message: { content: 'Words.' },
      finish_reason: 'stop',
    })
  })

  it('may name several, and each may be called', async () => {
    server.anthropic.enqueue(callsTools([oslo]))
    const answer = await ask(allowed('required', 'get_weather', 'get_time'))
    expect(callsOf(answer.choices[0]?.message.tool_calls)).toEqual([osloCall])
  })
})

describe('tool_choice', () => {
  it.each([
    ['a function that is not there', { type: 'function', function: { name: 'x' } }, 'tool_choice'],
    [
      'a custom tool that is a function',
      { type: 'custom', custom: { name: 'get_time' } },
      'tool_choice',
    ],
    [
      'an allowed one that is not there',
      allowed('auto', 'x'),
      'tool_choice.allowed_tools.tools[0]',
    ],
  ] as const)('is refused for %s', async (_, choice, param) => {
    await expect(ask(choice)).rejects.toMatchObject({ status: 400, param })
  })

  it('is refused when it asks for a call and there are no tools', async () => {
    await expect(ask('required', { tools: undefined })).rejects.toMatchObject({
      status: 400,
      param: 'tool_choice',
    })
  })
})
