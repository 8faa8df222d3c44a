import { EventEmitter, once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import {
  callEvents,
  type Chat,
  cityTool,
  deltasOf,
  ends,
  question,
  streams,
  weather,
} from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

function stream(more: Partial<Chat> = {}) {
  return server.client.chat.completions.create({
    model: 'sonnet',
    messages: [question],
    tools: [weather, cityTool('get_time')],
    ...more,
    stream: true,
  })
}

/** A delta that opens a call, and one that goes on with it. */
function opens(index: number, id: string, name: string) {
  return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }
}
function goesOn(index: number, text: string) {
  return { tool_calls: [{ index, function: { arguments: text } }] }
}

describe('a stream with calls', () => {
  it('says index, id and name first, then the fragments as the model writes them', async () => {
    const fragments = ['{"ci', 'ty":', ' "Ro', 'me"  }']
    server.anthropic.enqueue(
      streams(
        ...callEvents(0, { id: 'toolu_1', name: 'get_weather' }, ['', ...fragments]),
        ...callEvents(1, { id: 'toolu_2', name: 'get_time' }, ['{"city":"Oslo"}']),
        ...ends('tool_use'),
      ),
    )
    const { deltas, reason, chunks } = await deltasOf(await stream())
    expect(deltas).toEqual([
      { role: 'assistant', content: null, refusal: null },
      opens(0, 'toolu_1', 'get_weather'),
      ...fragments.map((text) => goesOn(0, text)),
      opens(1, 'toolu_2', 'get_time'),
      goesOn(1, '{"city":"Oslo"}'),
    ])
    expect(reason).toBe('tool_calls')
    expect(chunks.at(-1)?.choices[0]?.delta).toEqual({})
    expect(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(
      1,
    )
  })

  it('counts calls and not blocks: the text before them is no call', async () => {
    server.anthropic.enqueue(
      callsTools([
        { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' }, text: 'Let me look.' },
      ]),
    )
    const { deltas } = await deltasOf(await stream())
    expect(deltas).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { content: 'Let ' },
      { content: 'me ' },
      { content: 'look.' },
      opens(0, 'toolu_1', 'get_weather'),
      goesOn(0, '{"city":'),
      goesOn(0, '"Rome"}'),
    ])
  })

  it('sends a fragment before the model has finished writing', async () => {
    const client = new EventEmitter()
    const [start = {}, first = {}, second = {}, stop = {}] = callEvents(
      0,
      { id: 'toolu_1', name: 'get_weather' },
      ['{"city":', '"Rome"}'],
    )
    // The model writes on only once the client has the first fragment: were it held back, this would never end.
    server.anthropic.enqueue(
      streams(start, first, () => once(client, 'seen'), second, stop, ...ends('tool_use')),
    )
    const pieces: string[] = []
    for await (const { choices } of await stream()) {
      const piece = choices[0]?.delta.tool_calls?.[0]?.function?.arguments
      if (piece) pieces.push(piece)
      if (piece) client.emit('seen')
    }
    expect(pieces).toEqual(['{"city":', '"Rome"}'])
  })

  it('says {} for a call without arguments', async () => {
    server.anthropic.enqueue(
      streams(...callEvents(0, { id: 'toolu_1', name: 'get_time' }, ['']), ...ends('tool_use')),
    )
    const { deltas } = await deltasOf(await stream())
    expect(deltas.slice(1)).toEqual([opens(0, 'toolu_1', 'get_time'), goesOn(0, '{}')])
  })

  it('holds a strict function’s call until it is known to be right', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { town: 'Rome' } }]),
      callsTools([{ id: 'toolu_2', name: 'get_weather', input: { city: 'Rome' } }]),
    )
    const { deltas, reason } = await deltasOf(
      await stream({ tools: [cityTool('get_weather', { strict: true })] }),
    )
    expect(deltas).toEqual([
      { role: 'assistant', content: null, refusal: null },
      opens(0, 'toolu_2', 'get_weather'),
      goesOn(0, '{"city":"Rome"}'),
    ])
    expect(reason).toBe('tool_calls')
  })

  it('says length where the limit cuts a call', async () => {
    const [start = {}, piece = {}, stop = {}] = callEvents(
      0,
      { id: 'toolu_1', name: 'get_weather' },
      ['{"city":"Ro'],
    )
    server.anthropic.enqueue(streams(start, piece, stop, ...ends('max_tokens')))
    const { deltas, reason } = await deltasOf(await stream({ max_completion_tokens: 20 }))
    expect(deltas.slice(1)).toEqual([opens(0, 'toolu_1', 'get_weather'), goesOn(0, '{"city":"Ro')])
    expect(reason).toBe('length')
  })

  it('keeps the calls of n answers apart', async () => {
    server.anthropic.respond = () =>
      callsTools([
        { name: 'get_weather', input: { city: 'Rome' } },
        { name: 'get_time', input: {} },
      ])
    const { chunks } = await deltasOf(await stream({ n: 2 }))
    server.anthropic.respond = () => says('Hello.')
    const texts = new Map<string, string>()
    const ids = new Set<string>()
    for (const { choices } of chunks) {
      for (const { index, delta } of choices) {
        for (const call of delta.tool_calls ?? []) {
          if (call.id) ids.add(call.id)
          const key = `${index}.${call.index}`
          texts.set(key, (texts.get(key) ?? '') + (call.function?.arguments ?? ''))
        }
      }
    }
    expect(Object.fromEntries(texts)).toEqual({
      '0.0': '{"city":"Rome"}',
      '0.1': '{}',
      '1.0': '{"city":"Rome"}',
      '1.1': '{}',
    })
    expect(ids.size).toBe(4)
    const reasons = chunks.flatMap(({ choices }) =>
      choices.flatMap(({ index, finish_reason }) =>
        finish_reason ? [[index, finish_reason]] : [],
      ),
    )
    expect(reasons.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual([
      [0, 'tool_calls'],
      [1, 'tool_calls'],
    ])
  })
})

describe('a stream in the older form', () => {
  it('says the name first, then the arguments, of one call', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
    )
    const { deltas, reason } = await deltasOf(
      await stream({ tools: undefined, functions: [weather.function] }),
    )
    expect(deltas).toEqual([
      { role: 'assistant', content: null, refusal: null },
      { function_call: { name: 'get_weather', arguments: '' } },
      { function_call: { arguments: '{"city":' } },
      { function_call: { arguments: '"Rome"}' } },
    ])
    expect(reason).toBe('function_call')
  })
})

describe('a stream with a custom call', () => {
  it('says index, id and name first, then the text', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'run', input: { input: 'print("ü")' } }]),
    )
    const { deltas, reason } = await deltasOf(
      await stream({ tools: [{ type: 'custom', custom: { name: 'run' } }] }),
    )
    expect(deltas).toEqual([
      { role: 'assistant', content: null, refusal: null },
      {
        tool_calls: [
          { index: 0, id: 'toolu_1', type: 'custom', custom: { name: 'run', input: '' } },
        ],
      },
      { tool_calls: [{ index: 0, custom: { input: 'print("ü")' } }] },
    ])
    expect(reason).toBe('tool_calls')
  })
})
