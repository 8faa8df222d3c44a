import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { png } from '../attachments/pictures.ts'
import { requestsDuring } from '../functions/support.ts'
import { eventsOf, expectOrder } from '../responses/event-order.ts'
import {
  callsTools,
  conversation,
  says,
  systemText,
  type RecordedRequest,
  type Step,
} from '../scripted-anthropic/server.ts'
import { hasOpenAIDocument, OpenAIDocument } from '../support/openai-document.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** A checkout of the suite, with its dependencies: no package of it can be had. */
const checkout = process.env['OPEN_RESPONSES_FOLDER'] ?? ''
const program = join(checkout, 'bin', 'compliance-test.ts')

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

/** What the Open Responses document requires of a response, null where nothing is to be said. */
const required = `
  id object created_at completed_at status incomplete_details model previous_response_id instructions output error tools tool_choice truncation
  parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs temperature reasoning usage max_output_tokens max_tool_calls
  store background service_tier metadata safety_identifier prompt_cache_key`
  .trim()
  .split(/\s+/)

const user = (content: unknown): object => ({ type: 'message', role: 'user', content })
const assistant = (content: string, more = {}): object => ({
  type: 'message',
  role: 'assistant',
  content,
  ...more,
})
const sun = 'The sun shines in Rome.'

type Behaviour = {
  input: object[]
  tools?: object[]
  answer?: Step
  output?: object
  /** What the model was sent. */
  told?: (request: RecordedRequest) => void
}

/** The behaviours that the suite asks for over HTTP, in requests of our own. */
const behaviours: Record<string, Behaviour> = {
  'a text': { input: [user('Where is the sun?')] },
  'a system prompt': {
    input: [{ type: 'message', role: 'system', content: 'Rhyme.' }, user('Where is the sun?')],
    told: (request) => expect(systemText(request)).toContain('Rhyme.'),
  },
  'the call of a function': {
    input: [user('Where is the sun?')],
    tools: [
      {
        type: 'function',
        name: 'get_weather',
        description: 'The weather of a city.',
        parameters: {
          type: 'object',
          properties: { city: { type: 'string' } },
          required: ['city'],
        },
      },
    ],
    answer: callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
    output: {
      type: 'function_call',
      status: 'completed',
      call_id: 'toolu_1',
      name: 'get_weather',
      arguments: '{"city":"Rome"}',
    },
  },
  'a picture': {
    input: [
      user([
        { type: 'input_text', text: 'What is this?' },
        {
          type: 'input_image',
          image_url: `data:image/png;base64,${png(2, 2).toString('base64')}`,
        },
      ]),
    ],
    told: (request) => expect(JSON.stringify(conversation(request))).toContain('image/png'),
  },
  'a conversation': {
    input: [user('I am Ann.'), assistant('Good day, Ann.'), user('Who am I?')],
    told: (request) =>
      expect(conversation(request).map(({ role }) => role)).toEqual(['user', 'assistant', 'user']),
  },
  'a conversation with phases': {
    input: [
      assistant('Let me think.', { phase: 'commentary' }),
      assistant('Four.', { phase: 'final_answer' }),
      user('Once more?'),
    ],
    told: (request) => expect(JSON.stringify(conversation(request))).toContain('Four.'),
  },
}

const said = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: sun }] }

async function post(path: string, body: object): Promise<globalThis.Response> {
  return fetch(`${server.baseURL}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

describe.each(Object.entries(behaviours))('%s', (_name, { input, tools, answer, output, told }) => {
  it.each([false, true])('is as Open Responses wants it (stream: %s)', async (stream) => {
    server.anthropic.enqueue(answer ?? says(sun))
    const { value, requests } = await requestsDuring(server, async () => {
      const response = await post('/responses', {
        model: 'sonnet',
        input,
        stream,
        ...(tools && { tools }),
      })
      return stream ? lastOf(await response.text()) : ((await response.json()) as object)
    })
    expect(required.filter((field) => !(field in value))).toEqual([])
    expect(value).toMatchObject({ object: 'response', status: 'completed', error: null })
    expect(value).toHaveProperty('output', [expect.objectContaining(output ?? { type: 'message' })])
    if (!output) expect(value).toMatchObject({ output: [said] })
    expect(problems('Response', value)).toEqual([])
    told?.(requests[0] ?? expect.fail())
  })
})

/** What a stream ends with, once it is found to be in order. */
function lastOf(text: string): object {
  const events = eventsOf(text)
  expectOrder(events)
  for (const event of events) expect(problems('ResponseStreamEvent', event)).toEqual([])
  return events.at(-1)?.['response'] as object
}

const document = hasOpenAIDocument ? new OpenAIDocument() : undefined

/** What OpenAI's document says against it; nothing where the document is not here. */
function problems(schema: string, value: unknown): string[] {
  return document?.problems(schema, value) ?? []
}

describe('compaction', () => {
  it('gives an item that stands for a conversation', async () => {
    server.anthropic.enqueue(says('They met on Tuesday.'))
    const input = [user('We met on Tuesday.'), assistant('Noted.')]
    const response = await post('/responses/compact', { model: 'sonnet', input })
    const value = (await response.json()) as { output: object[] }
    expect(value).toMatchObject({ object: 'response.compaction' })
    expect(value.output.at(-1)).toMatchObject({ type: 'compaction' })
    expect(problems('CompactResource', value)).toEqual([])
  })

  it('needs a model', async () => {
    const response = await post('/responses/compact', { input: [user('We met on Tuesday.')] })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { param: 'model' } })
  })
})

describe.skipIf(!existsSync(program))('the compliance suite (needs OPEN_RESPONSES_FOLDER)', () => {
  it('passes', async () => {
    server.anthropic.respond = obliging
    const results = await compliance()
    const failed = results.filter(({ status }) => status !== 'passed')
    expect(failed.map(({ id, errors }) => [id, errors])).toEqual([])
    expect(results.length).toBeGreaterThanOrEqual(17)
  }, 120_000)
})

/** Calls what is offered, once, and else says something. */
function obliging({ body: { tools = [], messages } }: RecordedRequest): Step {
  const [tool] = tools
  if (!tool || JSON.stringify(messages).includes('tool_result')) return says(sun)
  return callsTools([{ name: tool.name, input: { location: 'Rome' } }])
}

type Result = { id: string; status: string; errors?: string[] }

/** It is written for Bun; Node needs a loader, and below 22 a flag for its WebSocket. */
function compliance(): Promise<Result[]> {
  const loader = fileURLToPath(import.meta.resolve('tsx/cli'))
  const options = ['--base-url', server.baseURL, '--api-key', 'unused', '--model', 'sonnet']
  const environment = { ...process.env, NODE_OPTIONS: '--experimental-websocket' }
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [loader, program, ...options, '--json'],
      { cwd: checkout, env: environment, timeout: 120_000 },
      // It exits with 1 when a test of it failed.
      (error, stdout, stderr) => {
        if (stdout.startsWith('{')) resolve((JSON.parse(stdout) as { results: Result[] }).results)
        else reject(new Error(`${error?.message}\n${stderr}`))
      },
    )
  })
}
