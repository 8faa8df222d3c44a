import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anthropicMessages } from '../../src/dialects/anthropic-messages/anthropic.ts'
import type { Dialect } from '../../src/dialects/dialect.ts'
import { openaiChat } from '../../src/dialects/openai-chat/chat.ts'
import { openaiCompletions } from '../../src/dialects/openai-completions/completions.ts'
import { openaiResponses } from '../../src/dialects/openai-responses/responses.ts'
import type { TurnError } from '../../src/turn/error.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { problemsOfStream as problemsOfMessages } from '../anthropic/checker.ts'
import { hello, serve, type TestServer } from '../http/server.ts'
import { openAIDocument } from '../support/openai-document.ts'
import { problemsOfChatStream } from './chat-stream.ts'
import { problemsOfEvents } from './checked-client.ts'
import { problemsOfCompletionStream } from './completion-stream.ts'
import { encodedStream } from './encoded.ts'
import { asksForUsage, type Json } from './frames.ts'
import { begin, call, done, overload, plays, search, text, thinking } from './turn-events.ts'
import { withoutChance } from './without-chance.ts'

type Shape = { events: TurnEvent[]; body?: Json; choices?: number; error?: TurnError }

type Recorded = {
  dialect: Dialect
  path: string
  body: Json
  problemsOf: (stream: string, body: Json) => string[]
  shapes: Record<string, Shape>
}

const words = [begin, ...text(0, 'Hello ', 'there.'), done()]
const thought = [begin, ...thinking(0, 'So', ' so.'), ...text(1, 'Four.'), done()]
const calls = [
  begin,
  ...text(0, 'Let me look.'),
  ...call(1, 'get_weather', 'function', '{"city":', '"Rome"}'),
  ...call(2, 'get_time', 'function', '{}'),
  done('tool-calls'),
]
const custom = [begin, ...call(0, 'note', 'custom', 'free ', 'text'), done('tool-calls')]
const searched = [begin, ...search, ...text(0, 'Sun.'), done()]
const cut = [begin, ...text(0, 'Once upon'), done('length')]
const refused = [begin, ...text(0, 'I would'), done('content-filter')]
const broken: Shape = { events: [begin, ...text(0, 'Hello').slice(0, 2)], error: overload }
const usage = { stream_options: { include_usage: true } }
const summary = { reasoning: { effort: 'high', summary: 'auto' } }
const parameters = { type: 'object', properties: {} }
const tools = ['get_weather', 'get_time'].map((name) => ({ type: 'function', name, parameters }))

/** Without a description, which OpenAI always gives back. */
const space = { type: 'namespace', name: 'sky', tools: [{ type: 'function', name: 'look' }] }
const called = [begin, ...call(0, 'sky__look', 'function', '{}'), done('tool-calls')]

const recorded: Recorded[] = [
  {
    dialect: openaiChat,
    path: '/v1/chat/completions',
    body: { model: 'sonnet', messages: hello },
    problemsOf: problemsOfChatStream,
    // The others are recorded with the real binary (test/functions/recorded.test.ts).
    shapes: {
      'two-choices-with-usage': { events: words, body: { n: 2, ...usage }, choices: 2 },
      activity: { events: searched },
    },
  },
  {
    dialect: openaiCompletions,
    path: '/v1/completions',
    body: { model: 'sonnet', prompt: 'Once' },
    problemsOf: (stream, asked) =>
      problemsOfCompletionStream(stream, {
        choices: Array.isArray(asked.prompt) ? asked.prompt.length : 1,
        usage: asksForUsage(asked),
      }),
    shapes: {
      text: { events: words },
      'thinking-and-search': { events: [...thought.slice(0, -1), ...search, done()] },
      'two-prompts-with-echo-and-usage': {
        events: words,
        body: { prompt: ['One', 'Two'], echo: true, ...usage },
        choices: 2,
      },
      length: { events: cut },
      'content-filter': { events: refused },
      'error-inside': broken,
    },
  },
  {
    dialect: openaiResponses,
    path: '/v1/responses',
    body: { model: 'sonnet', input: 'Hello', store: false },
    problemsOf: (stream) => problemsOfEvents(stream, openAIDocument()),
    shapes: {
      text: { events: words },
      thinking: { events: thought },
      'thinking-with-summary': { events: thought, body: summary },
      'text-and-calls': { events: calls, body: { tools } },
      'custom-call': { events: custom, body: { tools: [{ type: 'custom', name: 'note' }] } },
      'call-into-a-namespace': { events: called, body: { tools: [space] } },
      'web-search': { events: searched, body: { tools: [{ type: 'web_search' }] } },
      length: { events: cut },
      'content-filter': { events: refused },
      'error-inside': broken,
    },
  },
  {
    dialect: anthropicMessages,
    path: '/v1/messages',
    body: { model: 'sonnet', max_tokens: 100, messages: hello },
    problemsOf: problemsOfMessages,
    shapes: {
      text: { events: words },
      'hidden-thinking': { events: thought },
      thinking: { events: thought, body: { thinking: { type: 'adaptive' } } },
      'text-and-calls': { events: calls },
      activity: { events: searched },
      length: { events: cut },
      'content-filter': { events: refused },
      'error-inside': broken,
    },
  },
]

describe.each(recorded)('a stream of $dialect.name', ({ dialect, path, body, ...rest }) => {
  const { problemsOf, shapes } = rest
  let server: TestServer
  let shape: Shape = { events: words }
  beforeAll(async () => {
    server = await serve((...run) => plays(shape.events, shape.error)(...run))
  })
  afterAll(() => server.close())

  const requestOf = (asked: Shape): Json => ({ ...body, stream: true, ...asked.body })
  const encoded = async (asked: Shape): Promise<string> =>
    withoutChance(await encodedStream(dialect, { ...asked, body: requestOf(asked) }))

  it.each(Object.entries(shapes))('is byte for byte as recorded: %s', async (name, asked) => {
    const stream = await encoded(asked)
    expect(problemsOf(stream, requestOf(asked))).toEqual([])
    await expect(stream).toMatchFileSnapshot(`../fixtures/wire/${dialect.name}/${name}.sse`)
  })

  it('is the same over a socket', async () => {
    // Of several choices each comes when it comes.
    const alone = Object.values(shapes).filter(({ choices = 1 }) => choices === 1)
    for (const asked of alone) {
      shape = asked
      const response = await server.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(requestOf(asked)),
      })
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      expect(withoutChance(await response.text())).toBe(await encoded(asked))
    }
  })
})
