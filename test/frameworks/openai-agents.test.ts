import {
  Agent,
  applyPatchTool,
  OpenAIProvider,
  Runner,
  type RunItem,
  setTracingDisabled,
  shellTool,
  tool,
} from '@openai/agents'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { requestsDuring } from '../functions/support.ts'
import { callsTools, says, systemText } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { rounds } from './rounds.ts'

let server: TestServer
beforeAll(async () => {
  setTracingDisabled(true)
  server = await startTestServer()
})
afterAll(() => server.close())

const weather = tool({
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `${city}: sun`,
})

const romeOslo = callsTools([
  { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } },
  { id: 'toolu_2', name: 'get_weather', input: { city: 'Oslo' } },
])

const twoRounds = [
  ['user: Where is the sun?'],
  [
    'user: Where is the sun?',
    'assistant: get_weather#toolu_1{"city":"Rome"} + get_weather#toolu_2{"city":"Oslo"}',
    'user: #toolu_1=Rome: sun + #toolu_2=Oslo: sun',
  ],
]

describe.each([
  ['chat completions', false],
  ['responses, as by default', true],
])('an agent of the OpenAI Agents SDK over %s', (_name, useResponses) => {
  let runner: Runner
  beforeAll(() => {
    const modelProvider = new OpenAIProvider({ openAIClient: server.client, useResponses })
    runner = new Runner({ modelProvider, model: 'sonnet', tracingDisabled: true })
  })

  const agent = new Agent({ name: 'Meteorologist', instructions: 'Be brief.', tools: [weather] })

  it('runs its tools and ends with the final words', async () => {
    server.anthropic.enqueue(romeOslo, says('In both.'))
    const { value, requests } = await requestsDuring(server, () =>
      runner.run(agent, 'Where is the sun?'),
    )
    expect(value.finalOutput).toBe('In both.')
    expect(requests.map(rounds)).toEqual(twoRounds)
    expect(requests.map(systemText)).toEqual(['Be brief.', 'Be brief.'])
  })

  it('does so while it streams', async () => {
    server.anthropic.enqueue(romeOslo, says('In both.'))
    const { value, requests } = await requestsDuring(server, async () => {
      const run = await runner.run(agent, 'Where is the sun?', { stream: true })
      let text = ''
      for await (const piece of run.toTextStream()) text += piece
      await run.completed
      return { text, output: run.finalOutput, kinds: run.newItems.map(({ type }: RunItem) => type) }
    })
    expect(value.text).toBe('In both.')
    expect(value.output).toBe('In both.')
    expect(value.kinds.filter((kind) => kind === 'tool_call_output_item')).toHaveLength(2)
    expect(requests.map(rounds)).toEqual(twoRounds)
  })

  it('hands over to another agent, who answers with its own tools and instructions', async () => {
    const greeter = Agent.create({
      name: 'Greeter',
      instructions: 'Hand over.',
      handoffs: [agent],
    })
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_h', name: 'transfer_to_Meteorologist', input: {} }]),
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
      says('In Rome.'),
    )
    const { value, requests } = await requestsDuring(server, () =>
      runner.run(greeter, 'Where is the sun?'),
    )
    expect(value.finalOutput).toBe('In Rome.')
    expect(value.lastAgent?.name).toBe('Meteorologist')
    expect(requests.map(systemText)).toEqual(['Hand over.', 'Be brief.', 'Be brief.'])
    expect(requests.map(({ body }) => body.tools?.map(({ name }) => name))).toEqual([
      ['transfer_to_Meteorologist'],
      ['get_weather'],
      ['get_weather'],
    ])
    expect(rounds(requests[2] ?? expect.fail())).toEqual([
      'user: Where is the sun?',
      'assistant: transfer_to_Meteorologist#toolu_h{}',
      'user: #toolu_h={"assistant":"Meteorologist"}',
      'assistant: get_weather#toolu_1{"city":"Rome"}',
      'user: #toolu_1=Rome: sun',
    ])
  })

  it('gives an answer of its output type', async () => {
    const outputType = z.object({ city: z.string(), sunny: z.boolean() })
    const typed = new Agent({
      name: 'Typed',
      instructions: 'Be exact.',
      tools: [weather],
      outputType,
    })
    const found = { city: 'Rome', sunny: true }
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
      callsTools([{ name: 'StructuredOutput', input: found }]),
    )
    const result = await runner.run(typed, 'Where is the sun?')
    expect(result.finalOutput).toEqual(found)
  })
})

describe('an agent of the OpenAI Agents SDK with tools of OpenAI’s', () => {
  it.each([false, true])(
    'runs commands and patches on its own machine (stream: %s)',
    async (stream) => {
      const ran: string[] = []
      const note = async (what: unknown): Promise<{ output: string }> => {
        ran.push(JSON.stringify(what))
        return { output: 'It is done.' }
      }
      const tools = [
        shellTool({
          shell: {
            run: async ({ commands }) => {
              ran.push(...commands)
              const outcome = { type: 'exit' as const, exitCode: 0 }
              return { output: [{ stdout: 'a.txt', stderr: '', outcome }] }
            },
          },
        }),
        applyPatchTool({ editor: { createFile: note, updateFile: note, deleteFile: note } }),
      ]
      const patch = { type: 'update_file', path: 'a.txt', diff: '@@\n-a\n+b' }
      server.anthropic.enqueue(
        callsTools([{ id: 'toolu_1', name: 'shell', input: { commands: ['ls'] } }]),
        callsTools([{ id: 'toolu_2', name: 'apply_patch', input: patch }]),
        says('Done.'),
      )
      const modelProvider = new OpenAIProvider({ openAIClient: server.client })
      const runner = new Runner({ modelProvider, model: 'sonnet', tracingDisabled: true })
      const editor = new Agent({ name: 'Editor', instructions: 'Be brief.', tools })
      const { value, requests } = await requestsDuring(server, async () => {
        if (!stream) return (await runner.run(editor, 'Edit it.')).finalOutput
        const run = await runner.run(editor, 'Edit it.', { stream })
        await run.completed
        return run.finalOutput
      })
      expect(value).toBe('Done.')
      expect(ran).toEqual(['ls', JSON.stringify(patch)])
      const last = JSON.stringify(requests.at(-1)?.body)
      expect(last).toContain('a.txt\\nExit code 0.')
      expect(last).toContain('It is done.')
    },
  )
})
