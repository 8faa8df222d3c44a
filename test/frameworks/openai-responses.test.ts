import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod'
import type { ResponseInput } from 'openai/resources/responses/responses'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

const weather = zodResponsesFunction({
  name: 'get_weather',
  parameters: z.object({ city: z.string() }),
})
const romeOslo = callsTools([
  { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' }, text: 'Let me look.' },
  { id: 'toolu_2', name: 'get_weather', input: { city: 'Oslo' } },
])
const request = { model: 'sonnet', store: false } as const

describe('the official client over responses', () => {
  it('gets a text, with its instructions as the system prompt', async () => {
    server.anthropic.enqueue(says('In both.'))
    const { value, requests } = await requestsDuring(server, () =>
      server.client.responses.create({
        ...request,
        instructions: 'Be brief.',
        input: 'Where is the sun?',
      }),
    )
    expect(value.output_text).toBe('In both.')
    expect(value.usage).toMatchObject({ input_tokens: 10, output_tokens: 7 })
    expect(requests.map(rounds)).toEqual([['user: Where is the sun?']])
    expect(requests.map(systemText)).toEqual(['Be brief.'])
  })

  it('reads the text as it grows', async () => {
    server.anthropic.enqueue(says('In both places.'))
    const stream = server.client.responses.stream({ ...request, input: 'Where is the sun?' })
    const snapshots: string[] = []
    stream.on('response.output_text.delta', ({ snapshot }) => snapshots.push(snapshot))
    const response = await stream.finalResponse()
    expect(snapshots).toEqual(['In ', 'In both ', 'In both places.'])
    expect(response.output_text).toBe('In both places.')
  })

  it.each([false, true])('runs functions in a round trip (stream: %s)', async (stream) => {
    server.anthropic.enqueue(romeOslo, says('In both.'))
    const input: ResponseInput = [{ role: 'user', content: 'Where is the sun?' }]
    const ask = () => {
      const body = { ...request, input, tools: [weather] }
      return stream
        ? server.client.responses.stream(body).finalResponse()
        : server.client.responses.parse(body)
    }
    const { value, requests } = await requestsDuring(server, async () => {
      const first = await ask()
      for (const item of first.output) {
        if (item.type === 'message') input.push(item)
        if (item.type !== 'function_call') continue
        const { parsed_arguments: parsed, ...call } = item
        const { city } = parsed as { city: string }
        const { call_id } = call
        input.push(call, { type: 'function_call_output', call_id, output: `${city}: sun` })
      }
      // Outputs stand behind all calls.
      input.sort((one, other) => Number(isOutput(one)) - Number(isOutput(other)))
      return ask()
    })
    expect(value.output_text).toBe('In both.')
    expect(requests.map(rounds)).toEqual([
      ['user: Where is the sun?'],
      [
        'user: Where is the sun?',
        'assistant: Let me look. + get_weather#toolu_1{"city":"Rome"} + get_weather#toolu_2{"city":"Oslo"}',
        'user: #toolu_1=Rome: sun + #toolu_2=Oslo: sun',
      ],
    ])
  })

  it('goes on from a response that was made in the background', async () => {
    server.anthropic.enqueue(says('In both.'), says('In Rome.'))
    const { client } = server
    const ask = (input: string, more: object) =>
      client.responses.create({ model: 'sonnet', input, background: true, ...more })
    const { value, requests } = await requestsDuring(server, async () => {
      let first = await ask('Where is the sun?', {})
      while (first.status === 'in_progress') first = await client.responses.retrieve(first.id)
      expect(first.output_text).toBe('In both.')
      const previous_response_id = first.id
      return ask('Where is it warmer?', { previous_response_id, background: false })
    })
    expect(value.output_text).toBe('In Rome.')
    expect(requests.map(rounds).at(-1)).toEqual([
      'user: Where is the sun?',
      'assistant: In both.',
      'user: Where is it warmer?',
    ])
  })

  it.each([false, true])('parses an answer of a format (stream: %s)', async (stream) => {
    const found = { city: 'Rome', sunny: true }
    server.anthropic.enqueue(callsTools([{ name: 'StructuredOutput', input: found }]))
    const format = zodTextFormat(z.object({ city: z.string(), sunny: z.boolean() }), 'found')
    const body = { ...request, input: 'Where is the sun?', text: { format } }
    const response = stream
      ? await server.client.responses.stream(body).finalResponse()
      : await server.client.responses.parse(body)
    expect(response.output_parsed).toEqual(found)
  })
})

function isOutput(item: object): boolean {
  return 'type' in item && item.type === 'function_call_output'
}
