import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, Output, stepCountIs, streamText, tool, type LanguageModel } from 'ai'
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

const models: Record<string, () => LanguageModel> = {
  anthropic: () => createAnthropic({ baseURL: server.baseURL, apiKey: 'unused' })('sonnet'),
  'openai-compatible': () =>
    createOpenAICompatible({
      name: 'claude',
      baseURL: server.baseURL,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })('sonnet'),
  'openai, chat': () => createOpenAI({ baseURL: server.baseURL, apiKey: 'unused' }).chat('sonnet'),
  'openai, as by default': () =>
    createOpenAI({ baseURL: server.baseURL, apiKey: 'unused' })('sonnet'),
}

const weather = tool({
  description: 'The weather of a city.',
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => Promise.resolve(`${city}: sun`),
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

describe.each(Object.keys(models))('the AI SDK with the provider %s', (provider) => {
  const request = () => ({
    model: models[provider]?.() ?? expect.fail(),
    prompt: 'Where is the sun?',
    tools: { get_weather: weather },
    stopWhen: stepCountIs(5),
    maxRetries: 0,
    // Of a model that it does not know, this provider would not ask for it.
    providerOptions: { anthropic: { structuredOutputMode: 'outputFormat' } },
    maxOutputTokens: 4_000,
  })

  it('generates text in several steps', async () => {
    server.anthropic.enqueue(romeOslo, says('In both.'))
    const { value, requests } = await requestsDuring(server, () => generateText(request()))
    expect(value.text).toBe('In both.')
    expect(value.finishReason).toBe('stop')
    expect(value.steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop'])
    expect(
      value.steps[0]?.toolResults.map(({ toolCallId, output }) => [toolCallId, output]),
    ).toEqual([
      ['toolu_1', 'Rome: sun'],
      ['toolu_2', 'Oslo: sun'],
    ])
    expect(value.totalUsage).toMatchObject({ inputTokens: 20, outputTokens: 14 })
    expect(requests.map(rounds)).toEqual(twoRounds)
  })

  it('streams text in several steps', async () => {
    server.anthropic.enqueue(romeOslo, says('In both.'))
    const { value, requests } = await requestsDuring(server, async () => {
      const result = streamText(request())
      const kinds: string[] = []
      let text = ''
      for await (const part of result.fullStream) {
        kinds.push(part.type)
        if (part.type === 'text-delta') text += part.text
      }
      return { kinds, text, final: await result.text, usage: await result.totalUsage }
    })
    expect(value.text).toBe('Let me look.In both.')
    expect(value.final).toBe('In both.')
    expect(value.kinds).not.toContain('error')
    expect(value.kinds.filter((kind) => kind === 'tool-input-start')).toHaveLength(2)
    expect(value.kinds.filter((kind) => kind === 'tool-input-delta').length).toBeGreaterThan(2)
    expect(value.kinds.filter((kind) => kind === 'tool-result')).toHaveLength(2)
    expect(value.usage).toMatchObject({ inputTokens: 20, outputTokens: 14 })
    expect(requests.map(rounds)).toEqual(twoRounds)
  })

  it('must call the tool that toolChoice names', async () => {
    server.anthropic.enqueue(
      says('No need.'),
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
    )
    const { toolCalls } = await generateText({
      ...request(),
      stopWhen: stepCountIs(1),
      toolChoice: { type: 'tool', toolName: 'get_weather' },
    })
    expect(toolCalls).toMatchObject([{ toolCallId: 'toolu_1', input: { city: 'Rome' } }])
  })

  it('generates an object after a step with a tool', async () => {
    const found = { city: 'Rome', sunny: true }
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
      callsTools([{ name: 'StructuredOutput', input: found }]),
    )
    const schema = z.object({ city: z.string(), sunny: z.boolean() })
    const { output } = await generateText({ ...request(), output: Output.object({ schema }) })
    expect(output).toEqual(found)
  })
})
