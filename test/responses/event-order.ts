import { expect } from 'vitest'

type Json = Record<string, unknown>
export type WireEvent = Json & { type: string; sequence_number: number }

/** The events of a stream as they came over the wire; each says its type twice. */
export function eventsOf(text: string): WireEvent[] {
  expect(text.endsWith('\n\n')).toBe(true)
  expect(text).not.toContain('\r')
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((frame) => {
      const [, name, data = ''] = /^event: (.+)\ndata: (.+)$/.exec(frame) ?? expect.fail(frame)
      const event = JSON.parse(data) as WireEvent
      expect(event.type).toBe(name)
      return event
    })
}

/** Holds a stream to the rules that clients rely on: order, numbers, ids announced before, and an end that repeats what was said. */
export function expectOrder(events: readonly WireEvent[]): void {
  expect(events.map(({ sequence_number: n }) => n)).toEqual(events.map((_, index) => index))
  expect(events.slice(0, 2).map(({ type }) => type)).toEqual([
    'response.created',
    'response.in_progress',
  ])
  const last = events.at(-1) ?? expect.fail()
  expect(last.type).toMatch(/^response\.(completed|incomplete|failed)$/)
  const added = new Map<unknown, unknown>()
  const done: unknown[] = []
  const texts = new Map<unknown, string>()
  for (const event of events) {
    const { item, item_id: id, output_index: index } = event
    if (event.type === 'response.output_item.added') {
      expect(index).toBe(added.size)
      added.set((item as Json).id, index)
    } else if (event.type === 'response.output_item.done') {
      expect(added.get((item as Json).id)).toBe(index)
      done.push(item)
    } else if (id !== undefined) {
      expect(added.get(id)).toBe(index)
    }
    if (event.type.endsWith('.delta')) {
      texts.set(id, (texts.get(id) ?? '') + String(event.delta))
    }
    const whole = event.text ?? event.arguments ?? event.input
    if (event.type.endsWith('.done') && whole !== undefined) {
      expect(texts.get(id) ?? '').toBe(whole)
    }
  }
  const { output, id } = last.response as { output: unknown[]; id: string }
  if (last.type !== 'response.failed') expect(output).toEqual(done)
  const ids = events.flatMap(({ response }) => (response ? [(response as Json).id] : []))
  expect(new Set(ids)).toEqual(new Set([id]))
}
