import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { says, stopsWith } from '../../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask, askStream, readAll, saysAndHangs, until } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

describe('stop', () => {
  it.each<[string, string | string[], string[], string]>([
    ['a string', 'END', ['One two END', ' three'], 'One two '],
    ['a string split over chunks', 'END', ['One E', 'N', 'D three'], 'One '],
    ['the first of a list', ['YY', 'XX'], ['One XX two', ' YY'], 'One '],
    ['what looked like one at first', 'END', ['ENEN', 'D!'], 'EN'],
  ])('cuts before %s and stops the model', async (_name, stop, pieces, expected) => {
    // The model never ends by itself: only a stopped turn is answered.
    server.anthropic.enqueue(saysAndHangs(...pieces))
    const { answer, text } = await ask(server.client, { stop })
    expect(text).toBe(expected)
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    const request = server.anthropic.requests.at(-1)
    await until('the model call is closed', () => request?.closedAt !== undefined, 2_000)
  })

  it('never lets a piece of the sequence out on a stream', async () => {
    server.anthropic.enqueue(saysAndHangs('One ', '<', '/', 'end', '> two'))
    const { chunks } = await askStream(server.client, { stop: ['</end>'] })
    const read = await readAll(chunks)
    expect(read.text).toBe('One ')
    expect(read.chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
    expect(read.error).toBeUndefined()
  })

  it('changes nothing when it does not come, even where the end looks like it', async () => {
    server.anthropic.enqueue(says(['One E', 'N']))
    expect((await ask(server.client, { stop: 'END' })).text).toBe('One EN')
  })
})

describe('a token limit', () => {
  it.each([
    ['max_tokens', { max_tokens: 321 }],
    ['max_completion_tokens', { max_tokens: 5, max_completion_tokens: 321 }],
  ])('reaches the model from %s', async (_name, limits) => {
    await ask(server.client, limits)
    expect(server.anthropic.requests.at(-1)?.body.max_tokens).toBe(321)
  })

  it('does not stay for the next request', async () => {
    await ask(server.client, { max_tokens: 321 })
    await ask(server.client)
    expect(server.anthropic.requests.at(-1)?.body.max_tokens).toBeGreaterThan(321)
  })

  it.each([false, true])('ends the answer as "length", once (stream: %s)', async (stream) => {
    const { anthropic, client } = server
    const usage = { output_tokens: 16 }
    anthropic.enqueue(stopsWith('max_tokens', 'One two', { usage }))
    // What Claude Code asks for after a cut answer must not be added to it, nor counted.
    anthropic.respond = () => says(' three', { usage })
    const limits = { max_tokens: 16 }
    if (stream) {
      const { chunks } = await askStream(client, {
        ...limits,
        stream_options: { include_usage: true },
      })
      const read = await readAll(chunks)
      expect(read.text).toBe('One two')
      expect(read.chunks.at(-2)?.choices[0]?.finish_reason).toBe('length')
      expect(read.chunks.at(-1)?.usage?.completion_tokens).toBe(16)
    } else {
      const { answer, text } = await ask(client, limits)
      expect(text).toBe('One two')
      expect(answer.choices[0]?.finish_reason).toBe('length')
      expect(answer.usage?.completion_tokens).toBe(16)
    }
  })
})

describe('reasoning_effort', () => {
  it.each([
    ['high', 'high'],
    ['minimal', 'low'],
    ['xhigh', 'xhigh'],
  ] as const)('%s is the effort %s for the model', async (effort, expected) => {
    await ask(server.client, { reasoning_effort: effort, model: 'opus' })
    expect(server.anthropic.requests.at(-1)?.body.output_config?.effort).toBe(expected)
  })

  it('gives way to claude_options.effort', async () => {
    await ask(server.client, { reasoning_effort: 'high', claude_options: { effort: 'low' } })
    expect(server.anthropic.requests.at(-1)?.body.output_config?.effort).toBe('low')
  })
})
