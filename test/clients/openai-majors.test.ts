import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rounds } from '../frameworks/rounds.ts'
import { requestsDuring } from '../functions/support.ts'
import { callsTools, fails, says, streamError } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { five } from './openai/five.ts'
import { four } from './openai/four.ts'
import type { Asked, ErrorName, Major, Place } from './openai/major.ts'
import { seven } from './openai/seven.ts'
import { six } from './openai/six.ts'

const apiKey = 'key-of-the-majors'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ API_KEY: apiKey })
})
afterAll(() => server.close())

const majors: Record<string, (place: Place) => Major> = { 4: four, 5: five, 6: six, 7: seven }
const found = { city: 'Rome', sunny: true }
const inBoth = { choices: [{ finish_reason: 'stop', message: { content: 'In both places.' } }] }
const noted = callsTools([{ id: 'toolu_1', name: 'note', input: { input: 'free text' } }])
const grown = ['In ', 'In both ', 'In both places.']

describe.each(Object.entries(majors))('openai %s', (name, make) => {
  const major = (key = apiKey): Major => make({ ...server, apiKey: key })

  it('is answered', async () => {
    server.anthropic.enqueue(says('In both places.'))
    const answer = await major().chat()
    expect(answer).toMatchObject({ ...inBoth, usage: { prompt_tokens: 10, completion_tokens: 7 } })
    expect(answer).toHaveProperty('_request_id', expect.stringMatching(/\w{8}/))
  })

  it('is answered as a stream', async () => {
    server.anthropic.enqueue(says('In both places.'))
    const chunks = []
    for await (const chunk of await major().chunks()) chunks.push(chunk)
    const text = chunks.map(({ choices: [choice] }) => choice?.delta.content ?? '').join('')
    expect(text).toBe('In both places.')
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 7 } })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  })

  it('has its helper for streams see the text grow', async () => {
    server.anthropic.enqueue(says('In both places.'))
    const { snapshots, whole } = await major().stream()
    expect(snapshots).toEqual(grown)
    expect(whole).toMatchObject(inBoth)
  })

  it.each([false, true])('has its helper run functions (stream: %s)', async (stream) => {
    server.anthropic.enqueue(
      callsTools([
        { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' }, text: 'Let me look.' },
        { id: 'toolu_2', name: 'get_weather', input: { city: 'Oslo' } },
      ]),
      says('In both.'),
    )
    const asked: string[] = []
    const { value, requests } = await requestsDuring(server, () => major().runTools(asked, stream))
    expect(value).toBe('In both.')
    expect(asked.toSorted()).toEqual(['Oslo', 'Rome'])
    expect(requests.map(rounds).at(-1)).toEqual([
      'user: Where is the sun?',
      'assistant: Let me look. + get_weather#toolu_1{"city":"Rome"} + get_weather#toolu_2{"city":"Oslo"}',
      'user: #toolu_1=Rome: sun + #toolu_2=Oslo: sun',
    ])
  })

  it('parses an answer of a format', async () => {
    server.anthropic.enqueue(callsTools([{ name: 'StructuredOutput', input: found }]))
    expect(await major().parse()).toEqual(found)
  })

  it('gets a response, and goes on from it', async () => {
    server.anthropic.enqueue(says('In both places.'), says('In Rome.'))
    const { value, requests } = await requestsDuring(server, async () => {
      const first = await major().respond('Where is the sun?')
      expect(first).toMatchObject({ output_text: 'In both places.', status: 'completed' })
      return major().respond('Where is it warmer?', first.id)
    })
    expect(value).toMatchObject({ output_text: 'In Rome.', usage: { output_tokens: 7 } })
    expect(requests.map(rounds).at(-1)).toEqual([
      'user: Where is the sun?',
      'assistant: In both places.',
      'user: Where is it warmer?',
    ])
  })

  it('has its helper for responses see the text grow', async () => {
    server.anthropic.enqueue(says('In both places.'))
    const { snapshots, whole } = await major().respondStreamed()
    expect(snapshots).toEqual(grown)
    // Majors 4 and 5 make no `output_text` here.
    const content = [{ type: 'output_text', text: 'In both places.' }]
    expect(whole).toMatchObject({ status: 'completed', output: [{ type: 'message', content }] })
  })

  it('parses a response of a format', async () => {
    server.anthropic.enqueue(callsTools([{ name: 'StructuredOutput', input: found }]))
    expect(await major().respondParsed()).toEqual(found)
  })

  it('is answered as AzureOpenAI', async () => {
    server.anthropic.enqueue(says('In both places.'))
    expect(await major().azure()).toMatchObject(inBoth)
  })

  it('lists the models', async () => {
    const { ids, one } = await major().models()
    expect(ids).toEqual(expect.arrayContaining(['claude-code', 'sonnet']))
    expect(one).toBe('sonnet')
  })

  it.each<[ErrorName, Asked, string?]>([
    ['NotFoundError', { model: 'no-such-model' }],
    ['BadRequestError', { max_completion_tokens: -1 }],
    ['AuthenticationError', {}, 'wrong'],
  ])('throws its %s', async (error, asked, key) => {
    const client = major(key)
    await expect(client.chat(asked)).rejects.toBeInstanceOf(client.errors[error])
    await expect(client.chunks(asked)).rejects.toBeInstanceOf(client.errors[error])
  })

  it('throws its RateLimitError and its InternalServerError', async () => {
    server.anthropic.enqueue(
      fails(429, 'rate_limit_error', 'Slow down.'),
      fails(529, 'overloaded_error', 'Too much.'),
    )
    const client = major()
    await expect(client.chat()).rejects.toBeInstanceOf(client.errors.RateLimitError)
    await expect(client.chat()).rejects.toBeInstanceOf(client.errors.InternalServerError)
  })

  it('throws its APIError in a stream', async () => {
    server.anthropic.enqueue(streamError('In ', 'overloaded_error', 'Too much.'))
    const client = major()
    const read: string[] = []
    const reading = (async () => {
      for await (const { choices } of await client.chunks())
        read.push(choices[0]?.delta.content ?? '')
    })()
    await expect(reading).rejects.toBeInstanceOf(client.errors.APIError)
    expect(read.join('')).toBe('In ')
  })

  if (name === '7') {
    it('has its helper for streams read a call of a custom tool', async () => {
      server.anthropic.enqueue(noted)
      const custom = { name: 'note', input: 'free text' }
      const read = major().custom?.()
      await expect(read).resolves.toMatchObject([{ id: 'toolu_1', type: 'custom', custom }])
    })
  } else if (name !== '4') {
    it('has a helper for streams that takes every call for one of a function', async () => {
      server.anthropic.enqueue(noted)
      await expect(major().custom?.()).rejects.toThrow('missing')
    })
  }
})
