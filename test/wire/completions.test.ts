import { describe, expect, it } from 'vitest'
import type { TurnEvent } from '../../src/turn/event.ts'
import type { Script } from '../http/server.ts'
import { openAIDocument, type OpenAIDocument } from '../support/openai-document.ts'
import { problemsOfCompletion, problemsOfCompletionStream } from './completion-stream.ts'
import { problemsOfError } from './frames.ts'
import { ask, isHeld } from './held.ts'
import { begin, done, overload, plays, search, text, thinking } from './turn-events.ts'

const askFor = (script: Script, body: object): Promise<Response> =>
  ask('/v1/completions', script, { prompt: 'Once', ...body })

const usage = { stream_options: { include_usage: true } }
const words = [begin, ...text(0, ' upon', ' a'), done()]
const answers: Record<string, { events: TurnEvent[]; body?: object; choices?: number }> = {
  'a plain text': { events: words },
  'a plain text and its usage': { events: words, body: usage },
  'an empty text': { events: [begin, done()] },
  'two prompts, each twice, with echo': {
    events: words,
    body: { prompt: ['One', 'Two'], n: 2, echo: true, ...usage },
    choices: 4,
  },
  'thinking and tools, which have no place': {
    events: [begin, ...thinking(0, 'hm'), ...search, ...text(1, 'Sun.'), done()],
  },
  'a text that was cut': { events: [begin, ...text(0, ' upon'), done('length')], body: usage },
  'a text that was refused': { events: [begin, ...text(0, 'No.'), done('content-filter')] },
}

describe.each(Object.entries(answers))('%s', (_name, { events, body = {}, choices = 1 }) => {
  async function problems(document?: OpenAIDocument): Promise<string[]> {
    const asked = { choices, usage: 'stream_options' in body }
    const streamed = await (await askFor(plays(events), { ...body, stream: true })).text()
    const whole: unknown = await (
      await askFor(plays(events), { ...body, stream_options: undefined })
    ).json()
    return [
      ...problemsOfCompletionStream(streamed, asked, document),
      ...problemsOfCompletion(whole, choices, document),
    ]
  }

  isHeld(problems)
})

describe('a failure', () => {
  it('inside a stream is an error with its code, and the end', async () => {
    const answer = await askFor(plays([begin, ...text(0, 'H')], overload), {
      stream: true,
      ...usage,
    })
    const streamed = await answer.text()
    expect(problemsOfCompletionStream(streamed, { usage: true }, openAIDocument())).toEqual([])
    expect(streamed).toMatch(/"code":"overloaded"\}\}\n\n$/)
  })

  it('before the answer is an error of HTTP, streamed or not', async () => {
    for (const stream of [true, false]) {
      const answer = await askFor(plays([], overload), { stream })
      expect(answer.status).toBe(503)
      expect(problemsOfError(await answer.json())).toEqual([])
    }
  })
})
