import { describe, expect, it } from 'vitest'
import type { TurnEvent } from '../../turn/event.ts'
import { noUsage } from '../../turn/usage.ts'
import { RelayEvents } from './relay-events.ts'

const start: TurnEvent = { type: 'start', id: 'x', provider: 'p', model: 'm' }
const stop: TurnEvent = { type: 'finish', reason: 'stop', model: 'm', usage: noUsage }

function relay(...deltas: Record<string, unknown>[]): TurnEvent {
  const chunks = deltas.map((delta) => ({ choices: [{ index: 0, delta }] }))
  return { type: 'relay', dialect: 'openai-chat', chunks, text: '' }
}

function eventsOf(...events: TurnEvent[]): TurnEvent[] {
  const translator = new RelayEvents()
  return events.flatMap((event) => translator.push(event))
}

function call(index: number, more: Record<string, unknown>): Record<string, unknown> {
  return { tool_calls: [{ index, ...more }] }
}

describe('RelayEvents', () => {
  it('gives blocks, numbered and closed one after another', () => {
    const events = eventsOf(
      start,
      relay({ role: 'assistant', content: '' }, { reasoning_content: 'hm' }),
      relay({ content: 'Let me ' }, { content: 'see.' }),
      relay(call(0, { id: 'a', function: { name: 'f', arguments: '' } })),
      relay(
        call(0, { function: { arguments: '{"x"' } }),
        call(0, { function: { arguments: ':1}' } }),
      ),
      relay(call(1, { id: 'b', function: { name: 'g', arguments: '{}' } }), {}),
      { ...stop, reason: 'tool-calls' },
    )
    expect(events).toEqual([
      start,
      { type: 'reasoning-start', block: 0 },
      { type: 'reasoning-delta', block: 0, text: 'hm' },
      { type: 'reasoning-end', block: 0 },
      { type: 'text-start', block: 1 },
      { type: 'text-delta', block: 1, text: 'Let me ' },
      { type: 'text-delta', block: 1, text: 'see.' },
      { type: 'text-end', block: 1 },
      { type: 'tool-call-start', block: 2, id: 'a', name: 'f', kind: 'function' },
      { type: 'tool-call-delta', block: 2, input: '{"x"' },
      { type: 'tool-call-delta', block: 2, input: ':1}' },
      { type: 'tool-call-end', block: 2 },
      { type: 'tool-call-start', block: 3, id: 'b', name: 'g', kind: 'function' },
      { type: 'tool-call-delta', block: 3, input: '{}' },
      { type: 'tool-call-end', block: 3 },
      { ...stop, reason: 'tool-calls' },
    ])
  })

  it('reads a whole answer', () => {
    const message = {
      role: 'assistant',
      content: 'Hi',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
    }
    const body = { choices: [{ index: 0, message, finish_reason: 'stop' }] }
    const events = eventsOf(start, { type: 'relay', dialect: 'openai-chat', body }, stop)
    expect(events.map(({ type }) => type)).toEqual([
      'start',
      'text-start',
      'text-delta',
      'text-end',
      'tool-call-start',
      'tool-call-delta',
      'tool-call-end',
      'finish',
    ])
    // Some vendors say `stop` where they mean a call.
    expect(events.at(-1)).toMatchObject({ reason: 'tool-calls' })
  })

  it('takes a refusal as words, and a call without an id', () => {
    const events = eventsOf(
      relay({ refusal: 'No.' }, call(0, { custom: { name: 'c', input: 'x' } })),
    )
    expect(events).toMatchObject([
      { type: 'text-start' },
      { text: 'No.' },
      { type: 'text-end' },
      { type: 'tool-call-start', id: expect.stringMatching(/^call_/), kind: 'custom' },
      { input: 'x' },
    ])
  })

  it('refuses calls that are written at once', () => {
    const first = call(0, { id: 'a', function: { name: 'f', arguments: '' } })
    const second = call(1, { id: 'b', function: { name: 'g', arguments: '' } })
    expect(() =>
      eventsOf(relay(first, second, call(0, { function: { arguments: '{}' } }))),
    ).toThrow('several calls at once')
  })

  it('passes on what is no relay', () => {
    expect(eventsOf(start, stop)).toEqual([start, stop])
  })
})
