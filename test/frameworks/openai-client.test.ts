import { zodFunction, zodResponseFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { requestsDuring } from '../functions/support.ts'
import { rounds } from './rounds.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const City = z.object({ city: z.string() })
const romeOslo = callsTools([
  { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' }, text: 'Let me look.' },
  { id: 'toolu_2', name: 'get_weather', input: { city: 'Oslo' } },
])
const question = { role: 'user', content: 'Where is the sun?' } as const

/** A function whose calls are noted. */
function weather() {
  const asked: string[] = []
  const tool = zodFunction({
    name: 'get_weather',
    parameters: City,
    function: ({ city }) => {
      asked.push(city)
      return `${city}: sun`
    },
  })
  return { asked, tool }
}

describe('runTools', () => {
  it.each([false, true])(
    'runs the functions and gives the final words (stream: %s)',
    async (stream) => {
      server.anthropic.enqueue(romeOslo, says('In both.'))
      const { asked, tool } = weather()
      const params = { model: 'sonnet', messages: [question], tools: [tool] }
      const { value, requests } = await requestsDuring(server, () =>
        stream
          ? server.client.chat.completions.runTools({ ...params, stream: true }).finalContent()
          : server.client.chat.completions.runTools(params).finalContent(),
      )
      expect(value).toBe('In both.')
      expect(asked.toSorted()).toEqual(['Oslo', 'Rome'])
      expect(requests.map(rounds)).toEqual([
        ['user: Where is the sun?'],
        [
          'user: Where is the sun?',
          'assistant: Let me look. + get_weather#toolu_1{"city":"Rome"} + get_weather#toolu_2{"city":"Oslo"}',
          'user: #toolu_1=Rome: sun + #toolu_2=Oslo: sun',
        ],
      ])
    },
  )

  it('tells the model of arguments that the helper could not parse', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 7 } }]),
      callsTools([{ id: 'toolu_2', name: 'get_weather', input: { city: 'Rome' } }]),
      says('Sun.'),
    )
    const { asked, tool } = weather()
    const runner = server.client.chat.completions.runTools({
      model: 'sonnet',
      messages: [question],
      tools: [tool],
    })
    expect(await runner.finalContent()).toBe('Sun.')
    expect(asked).toEqual(['Rome'])
  })
})

describe('stream', () => {
  it('says each event of a call, and gives the whole message', async () => {
    server.anthropic.enqueue(romeOslo)
    const { tool } = weather()
    const names: string[] = []
    const runner = server.client.chat.completions.stream({
      model: 'sonnet',
      messages: [question],
      tools: [tool],
      stream_options: { include_usage: true },
    })
    runner.on('content.done', ({ content }) => names.push(`content ${content}`))
    runner.on('tool_calls.function.arguments.done', ({ index, name, parsed_arguments }) =>
      names.push(`${index} ${name} ${JSON.stringify(parsed_arguments)}`),
    )
    const { choices, usage } = await runner.finalChatCompletion()
    expect(names).toEqual([
      'content Let me look.',
      '0 get_weather {"city":"Rome"}',
      '1 get_weather {"city":"Oslo"}',
    ])
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'Let me look.',
        tool_calls: [
          { id: 'toolu_1' },
          { id: 'toolu_2', function: { arguments: '{"city":"Oslo"}' } },
        ],
      },
    })
    expect(usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 7 })
  })

  it('says the text as it grows', async () => {
    server.anthropic.enqueue(says('In both places.'))
    const snapshots: string[] = []
    const runner = server.client.chat.completions.stream({ model: 'sonnet', messages: [question] })
    runner.on('content', (_, snapshot) => snapshots.push(snapshot))
    expect(await runner.finalContent()).toBe('In both places.')
    expect(snapshots).toEqual(['In ', 'In both ', 'In both places.'])
  })
})

describe('parse', () => {
  it('gives the arguments of a zodFunction parsed', async () => {
    server.anthropic.enqueue(romeOslo)
    const answer = await server.client.chat.completions.parse({
      model: 'sonnet',
      messages: [question],
      tools: [zodFunction({ name: 'get_weather', parameters: City })],
    })
    const parsed = answer.choices[0]?.message.tool_calls?.map(
      (call) => call.function.parsed_arguments,
    )
    expect(parsed).toEqual([{ city: 'Rome' }, { city: 'Oslo' }])
  })

  const Report = z.object({ places: z.array(City), warmest: City.nullable() })
  const report = { places: [{ city: 'Rome' }, { city: 'Oslo' }], warmest: { city: 'Rome' } }
  const format = { response_format: zodResponseFormat(Report, 'report') }

  it('gives the answer of a zodResponseFormat parsed', async () => {
    server.anthropic.enqueue(callsTools([{ name: 'StructuredOutput', input: report }]))
    const answer = await server.client.chat.completions.parse({
      model: 'sonnet',
      messages: [question],
      ...format,
    })
    expect(answer.choices[0]?.message.parsed).toEqual(report)
    expect(answer.choices[0]?.finish_reason).toBe('stop')
  })

  it('gives it parsed from a stream too', async () => {
    server.anthropic.enqueue(callsTools([{ name: 'StructuredOutput', input: report }]))
    const runner = server.client.chat.completions.stream({
      model: 'sonnet',
      messages: [question],
      ...format,
    })
    const answer = await runner.finalChatCompletion()
    expect(answer.choices[0]?.message.parsed).toEqual(report)
  })

  it('gives a call first and the parsed answer after its result', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
      callsTools([{ name: 'StructuredOutput', input: report }]),
    )
    const params = { model: 'sonnet', ...format }
    const tools = [zodFunction({ name: 'get_weather', parameters: City })]
    const first = await server.client.chat.completions.parse({
      ...params,
      messages: [question],
      tools,
    })
    const message = first.choices[0]?.message ?? expect.fail()
    expect(message.tool_calls).toMatchObject([{ id: 'toolu_1' }])
    const messages = [
      question,
      message,
      { role: 'tool' as const, tool_call_id: 'toolu_1', content: 'sun' },
    ]
    const { value, requests } = await requestsDuring(server, () =>
      server.client.chat.completions.parse({ ...params, messages, tools }),
    )
    expect(value.choices[0]?.message.parsed).toEqual(report)
    expect(conversation(requests[0] ?? expect.fail())).toHaveLength(3)
  })
})
