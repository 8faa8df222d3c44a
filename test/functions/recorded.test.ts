import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  callsTools,
  says,
  type Step,
  stopsWith,
  streamError,
} from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { problemsOfChatStream } from '../wire/chat-stream.ts'
import { withoutChance } from '../wire/without-chance.ts'
import { callEvents, type Chat, cityTool, ends, question, streams, weather } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

type Shape = { name: string; request?: Partial<Chat>; steps: Step[] }

const rome = { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }
const oslo = { id: 'toolu_2', name: 'get_time', input: { city: 'Oslo' } }
const tools = [weather, cityTool('get_time')]
const custom = { type: 'custom' as const, custom: { name: 'run' } }
const report = { city: 'Rome', sunny: true }
const reportFormat = {
  type: 'json_schema' as const,
  json_schema: { name: 'report', schema: { type: 'object', required: ['city', 'sunny'] } },
}
const [start = {}, piece = {}, stop = {}] = callEvents(0, rome, ['{"city":"Ro'])

const shapes: Shape[] = [
  { name: 'text', steps: [says('Hello there.')] },
  {
    name: 'text-with-usage',
    request: { stream_options: { include_usage: true } },
    steps: [says('Hello there.')],
  },
  { name: 'reasoning', steps: [says('Four.', { thinking: 'Two and two.' })] },
  {
    name: 'length',
    request: { max_completion_tokens: 20 },
    steps: [stopsWith('max_tokens', 'Once upon a')],
  },
  { name: 'content-filter', steps: [stopsWith('refusal', 'I would')] },
  { name: 'stop-sequence', request: { stop: 'END' }, steps: [says('One two END three')] },
  { name: 'one-call', request: { tools }, steps: [callsTools([rome])] },
  {
    name: 'text-and-parallel-calls-with-usage',
    request: { tools, stream_options: { include_usage: true } },
    steps: [callsTools([{ ...rome, text: 'Let me look.' }, oslo])],
  },
  {
    name: 'call-without-arguments',
    request: { tools },
    steps: [streams(...callEvents(0, oslo, []), ...ends('tool_use'))],
  },
  {
    name: 'call-cut-by-length',
    request: { tools, max_completion_tokens: 20 },
    steps: [streams(start, piece, stop, ...ends('max_tokens'))],
  },
  {
    name: 'strict-call-corrected',
    request: { tools: [cityTool('get_weather', { strict: true })] },
    steps: [callsTools([{ ...rome, id: 'toolu_0', input: {} }]), callsTools([rome])],
  },
  {
    name: 'required-call-after-words',
    request: { tools, tool_choice: 'required' },
    steps: [says('No need.'), callsTools([rome])],
  },
  {
    name: 'custom-call',
    request: { tools: [custom] },
    steps: [callsTools([{ id: 'toolu_1', name: 'run', input: { input: 'print("ü")\n' } }])],
  },
  {
    name: 'legacy-function-call',
    request: { functions: [weather.function] },
    steps: [callsTools([rome])],
  },
  {
    name: 'json-schema',
    request: { response_format: reportFormat },
    steps: [callsTools([{ name: 'StructuredOutput', input: report }])],
  },
  { name: 'error-inside', steps: [streamError('Hello the', 'overloaded_error', 'Overloaded')] },
]

describe('the stream of a chat completion', () => {
  it.each(shapes)('is byte for byte as recorded: $name', async ({ name, request, steps }) => {
    server.anthropic.enqueue(...steps)
    const response = await fetch(`${server.baseURL}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sonnet', messages: [question], stream: true, ...request }),
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const recorded = `../fixtures/wire/openai-chat/${name}.sse`
    const text = await response.text()
    expect(problemsOfChatStream(text, request)).toEqual([])
    await expect(withoutChance(text)).toMatchFileSnapshot(recorded)
  })
})
