import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { callsOf, cityTool, lastMessage, question, requestsDuring } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const strict = cityTool('get_weather', { strict: true })

function ask(tool = strict) {
  return server.client.chat.completions.create({
    model: 'sonnet',
    messages: [question],
    tools: [tool, cityTool('get_time')],
  })
}

const good = { id: 'toolu_2', name: 'get_weather', input: { city: 'Rome' } }
const goodCall = { id: 'toolu_2', name: 'get_weather', arguments: { city: 'Rome' } }

describe('strict', () => {
  it('sends arguments that do not obey the schema back to the model, and shows only the right ones', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { town: 'Rome' } }]),
      callsTools([good]),
    )
    const { value, requests } = await requestsDuring(server, () => ask())
    expect(callsOf(value.choices[0]?.message.tool_calls)).toEqual([goodCall])
    expect(value.choices[0]?.finish_reason).toBe('tool_calls')
    expect(requests).toHaveLength(2)
    expect(lastMessage(requests[1])).toMatchObject({
      role: 'user',
      content: [
        {
          type: 'tool_result',
          tool_use_id: 'toolu_1',
          is_error: true,
          content: expect.stringContaining("must have required property 'city'"),
        },
      ],
    })
  })

  it('gives the right calls of a message that has wrong ones too', async () => {
    server.anthropic.enqueue(
      callsTools([
        { id: 'toolu_1', name: 'get_weather', input: { town: 'Rome' } },
        good,
        { id: 'toolu_3', name: 'get_time', input: { anything: 'goes' } },
      ]),
    )
    const { value, requests } = await requestsDuring(server, () => ask())
    expect(callsOf(value.choices[0]?.message.tool_calls)).toEqual([
      goodCall,
      { id: 'toolu_3', name: 'get_time', arguments: { anything: 'goes' } },
    ])
    expect(requests).toHaveLength(1)
  })

  it('checks by the schema as it was sent, and not as Claude Code flattens it', async () => {
    const either = { anyOf: [{ required: ['city'] }, { required: ['zip'] }] }
    const tool = cityTool('get_weather', {
      strict: true,
      parameters: { type: 'object', properties: { city: { type: 'string' }, zip: {} }, ...either },
    })
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: {} }]),
      callsTools([good]),
    )
    const { value } = await requestsDuring(server, () => ask(tool))
    expect(callsOf(value.choices[0]?.message.tool_calls)).toEqual([goodCall])
  })

  it('is not asked of other functions: their arguments come as the model wrote them', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { town: 'Rome' } }]),
    )
    const answer = await ask(cityTool('get_weather'))
    expect(callsOf(answer.choices[0]?.message.tool_calls)).toEqual([
      { id: 'toolu_1', name: 'get_weather', arguments: { town: 'Rome' } },
    ])
  })

  it('lets the model answer in words after a wrong call', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: {} }]),
      says('I give up.'),
    )
    const answer = await ask()
    expect(answer.choices[0]).toMatchObject({
      message: { content: 'I give up.' },
      finish_reason: 'stop',
    })
  })

  it('is refused for a schema that cannot be checked', async () => {
    const tool = cityTool('x', { strict: true, parameters: { type: 'object', required: 'city' } })
    await expect(ask(tool)).rejects.toMatchObject({
      status: 400,
      param: 'tools[0].function.parameters',
    })
  })
})
