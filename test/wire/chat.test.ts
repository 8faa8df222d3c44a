import { describe, expect, it } from 'vitest'
import { TurnError } from '../../src/turn/error.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { hello, type Script } from '../http/server.ts'
import { openAIDocument, type OpenAIDocument } from '../support/openai-document.ts'
import { problemsOfChat } from './chat-answer.ts'
import { type Asked, problemsOfChatStream } from './chat-stream.ts'
import { type Json, problemsOfError } from './frames.ts'
import { ask, isHeld } from './held.ts'
import { begin, call, done, overload, plays, search, text, thinking } from './turn-events.ts'

const askFor = (script: Script, body: object): Promise<Response> =>
  ask('/v1/chat/completions', script, { model: 'sonnet', messages: hello, ...body })

const weather = { name: 'get_weather', parameters: { type: 'object', properties: {} } }
const tools = [
  { type: 'function', function: weather },
  { type: 'custom', custom: { name: 'note' } },
]
const words = [begin, ...text(0, 'Hel', 'lo'), done()]

const answers: Record<string, { events: TurnEvent[]; body?: Asked & Json }> = {
  'a plain text': { events: words },
  'a plain text and its usage': {
    events: words,
    body: { stream_options: { include_usage: true } },
  },
  'an empty text': { events: [begin, ...text(0), done()] },
  'no block at all': { events: [begin, done()] },
  'several choices and their usage': {
    events: words,
    body: { n: 3, stream_options: { include_usage: true } },
  },
  thinking: { events: [begin, ...thinking(0, 'So', ' so'), ...text(1, 'Hello'), done()] },
  'words and two calls': {
    events: [
      begin,
      ...text(0, 'Let me look.'),
      ...call(1, 'get_weather', 'function', '{"city":', '"Rome"}'),
      ...call(2, 'get_weather', 'function', '{}'),
      done('tool-calls'),
    ],
    body: { tools },
  },
  'calls alone, of two choices': {
    events: [begin, ...call(0, 'get_weather', 'function', '{}'), done('tool-calls')],
    body: { tools, n: 2, stream_options: { include_usage: true } },
  },
  'a call of a custom tool': {
    events: [begin, ...call(0, 'note', 'custom', 'free ', 'text'), done('tool-calls')],
    body: { tools },
  },
  'a call in the older form': {
    events: [begin, ...call(0, 'get_weather', 'function', '{}'), done('tool-calls')],
    body: { functions: [weather] },
  },
  'what Claude Code did itself': { events: [begin, ...search, ...text(0, 'Sun.'), done()] },
  'an answer that was cut': { events: [begin, ...text(0, 'Hel'), done('length')] },
  'a call that was cut': {
    events: [begin, ...call(0, 'get_weather', 'function', '{"ci'), done('length')],
    body: { tools },
  },
  'an answer that was refused': { events: [begin, ...text(0, 'No.'), done('content-filter')] },
}

describe.each(Object.entries(answers))('%s', (_name, { events, body = {} }) => {
  async function problems(document?: OpenAIDocument): Promise<string[]> {
    const streamed = await (await askFor(plays(events), { ...body, stream: true })).text()
    const whole: unknown = await (
      await askFor(plays(events), { ...body, stream_options: undefined })
    ).json()
    return [
      ...problemsOfChatStream(streamed, body, document),
      ...problemsOfChat(whole, body.n ?? 1, document),
    ]
  }

  isHeld(problems)
})

describe('a failure', () => {
  it('inside a stream is an error with its code, and the end', async () => {
    for (const stream_options of [{ include_usage: true }, undefined]) {
      const script = plays([begin, ...text(0, 'H')], overload)
      const answer = await (await askFor(script, { stream: true, stream_options })).text()
      expect(problemsOfChatStream(answer, { stream_options }, openAIDocument())).toEqual([])
      expect(answer).toMatch(/"code":"overloaded"\}\}\n\n$/)
    }
  })

  it('before the answer is an error of HTTP, streamed or not', async () => {
    const error = new TurnError('rate_limit_exceeded', 'Too many.')
    for (const stream of [true, false]) {
      const answer = await askFor(plays([], error), { stream })
      expect(answer.status).toBe(429)
      const body: unknown = await answer.json()
      expect(problemsOfError(body)).toEqual([])
      expect(openAIDocument()?.problems('ErrorResponse', body) ?? []).toEqual([])
    }
  })
})
