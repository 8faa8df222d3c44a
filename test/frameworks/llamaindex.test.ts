import { LLMAgent } from '@llamaindex/core/agent'
import { tool } from '@llamaindex/core/tools'
import { openai } from '@llamaindex/openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { requestsDuring } from '../functions/support.ts'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { rounds } from './rounds.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const model = () =>
  openai({ model: 'sonnet', apiKey: 'unused', baseURL: server.baseURL, maxRetries: 0 })

const weather = tool({
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `${city}: sun`,
})

const question = 'Where is the sun?'

describe('LlamaIndex’s OpenAI', () => {
  it('chats, whole and streamed', async () => {
    const messages = [{ role: 'user', content: question } as const]
    server.anthropic.enqueue(says('In Rome.'), says('In Oslo.'))
    const { message } = await model().chat({ messages })
    expect(message.content).toBe('In Rome.')
    let text = ''
    for await (const { delta } of await model().chat({ messages, stream: true })) text += delta
    expect(text).toBe('In Oslo.')
  })

  it('has an agent that calls its tools', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
      says('In Rome.'),
    )
    const agent = new LLMAgent({ llm: model(), tools: [weather] })
    const { value, requests } = await requestsDuring(server, () =>
      agent.chat({ message: question }),
    )
    expect(value.message.content).toBe('In Rome.')
    expect(requests.map(rounds)).toEqual([
      [`user: ${question}`],
      [
        `user: ${question}`,
        'assistant: get_weather#toolu_1{"city":"Rome"}',
        'user: #toolu_1=Rome: sun',
      ],
    ])
  })
})
