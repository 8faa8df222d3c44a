import { describe, expect, it } from 'vitest'
import type { TurnEvent } from '../../turn/event.ts'
import { AnswerBlocks } from './answer-blocks.ts'

const start: TurnEvent = { type: 'start', id: 'x', provider: 'p', model: 'm' }

describe('AnswerBlocks', () => {
  it('says start once, numbers blocks and closes each before the next', () => {
    const blocks = new AnswerBlocks(() => start)
    const events = [
      blocks.say('reasoning', 'hm'),
      blocks.sign('seal'),
      blocks.say('text', 'a'),
      blocks.say('text', 'b'),
      blocks.openCall('id', 'f', 'function'),
      blocks.callInput('{}'),
      blocks.end(),
      blocks.end(),
    ].flat()
    expect(events).toEqual([
      start,
      { type: 'reasoning-start', block: 0 },
      { type: 'reasoning-delta', block: 0, text: 'hm' },
      { type: 'reasoning-end', block: 0, signature: 'seal' },
      { type: 'text-start', block: 1 },
      { type: 'text-delta', block: 1, text: 'a' },
      { type: 'text-delta', block: 1, text: 'b' },
      { type: 'text-end', block: 1 },
      { type: 'tool-call-start', block: 2, id: 'id', name: 'f', kind: 'function' },
      { type: 'tool-call-delta', block: 2, input: '{}' },
      { type: 'tool-call-end', block: 2 },
    ])
    expect(blocks.calls).toBe(1)
  })

  it('tells of thinking that has no words, and of that which only the API can read', () => {
    const blocks = new AnswerBlocks(() => start)
    const events = [blocks.say('text', 'a'), blocks.sign('seal'), blocks.end(), blocks.seal('data')]
    expect(events.flat().slice(3)).toEqual([
      { type: 'text-end', block: 0 },
      { type: 'reasoning-start', block: 1 },
      { type: 'reasoning-end', block: 1, signature: 'seal' },
      { type: 'sealed-reasoning', block: 2, data: 'data' },
    ])
    expect(blocks.sign('')).toEqual([])
  })

  it('begins anew when what was said is forgotten', () => {
    const blocks = new AnswerBlocks(() => start)
    blocks.say('text', 'a')
    blocks.forget()
    expect(blocks.begun).toBe(false)
    expect(blocks.say('text', 'b')).toEqual([
      start,
      { type: 'text-start', block: 0 },
      { type: 'text-delta', block: 0, text: 'b' },
    ])
  })
})
