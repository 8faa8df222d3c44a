import { ChatOpenAI } from '@langchain/openai'
import { createAgent, tool } from 'langchain'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { requestsDuring } from '../functions/support.ts'
import { callsTools, says, systemText } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { rounds } from './rounds.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const weather = tool(({ city }: { city: string }) => `${city}: sun`, {
  name: 'get_weather',
  description: 'The weather of a city.',
  schema: z.object({ city: z.string() }),
})

const romeOslo = callsTools([
  { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' }, text: 'Let me look.' },
  { id: 'toolu_2', name: 'get_weather', input: { city: 'Oslo' } },
])

const twoRounds = [
  ['user: Where is the sun?'],
  [
    'user: Where is the sun?',
    'assistant: Let me look. + get_weather#toolu_1{"city":"Rome"} + get_weather#toolu_2{"city":"Oslo"}',
    'user: #toolu_1=Rome: sun + #toolu_2=Oslo: sun',
  ],
]

/** The sessions that the requests of one test were answered in. */
const sessions: (string | null)[] = []
beforeEach(() => void sessions.splice(0))

const noting: typeof fetch = async (...request) => {
  const response = await fetch(...request)
  sessions.push(response.headers.get('x-claude-session-id'))
  return response
}

/** LangChain sends an answer of its agent's back with a name: the second call must meet the process of the first nevertheless. */
function expectOneSession(): void {
  expect(sessions).toEqual([expect.stringMatching(/./), sessions[0]])
}

function model() {
  return new ChatOpenAI({
    model: 'sonnet',
    apiKey: 'unused',
    maxRetries: 0,
    configuration: { baseURL: server.baseURL, fetch: noting },
  })
}

const messages = [{ role: 'user', content: 'Where is the sun?' }]

describe('LangChain’s agent', () => {
  it('runs its tools and ends with the final words', async () => {
    server.anthropic.enqueue(romeOslo, says('In both.'))
    const agent = createAgent({ model: model(), tools: [weather], systemPrompt: 'Be brief.' })
    const { value, requests } = await requestsDuring(server, () => agent.invoke({ messages }))
    expect(value.messages.map(({ type, content }) => [type, content])).toEqual([
      ['human', 'Where is the sun?'],
      ['ai', 'Let me look.'],
      ['tool', 'Rome: sun'],
      ['tool', 'Oslo: sun'],
      ['ai', 'In both.'],
    ])
    expect(requests.map(rounds)).toEqual(twoRounds)
    expect(requests.map(systemText)).toEqual(['Be brief.', 'Be brief.'])
    expectOneSession()
  })

  it('does so while it streams, token by token', async () => {
    server.anthropic.enqueue(romeOslo, says('In both.'))
    const agent = createAgent({ model: model(), tools: [weather] })
    const { value, requests } = await requestsDuring(server, async () => {
      const texts: string[] = []
      for await (const [message] of await agent.stream({ messages }, { streamMode: 'messages' })) {
        if (message.type === 'ai' && message.text !== '') texts.push(message.text)
      }
      return texts
    })
    expect(value).toEqual(['Let ', 'me ', 'look.', 'In ', 'both.'])
    expect(requests.map(rounds)).toEqual(twoRounds)
    expectOneSession()
  })

  it('gives a structured response by the provider’s format', async () => {
    const found = { city: 'Rome', sunny: true }
    server.anthropic.enqueue(callsTools([{ name: 'StructuredOutput', input: found }]))
    const schema = z.object({ city: z.string(), sunny: z.boolean() })
    const structured = model().withStructuredOutput(schema, { method: 'jsonSchema' })
    expect(await structured.invoke('Where is the sun?')).toEqual(found)
  })
})
