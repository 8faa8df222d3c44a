import { describe, expect, it } from 'vitest'
import { backOffMs, type Demand, demandMs, desiredWaiting } from './waiting-policy.ts'

const now = 100_000
const at = { now, isShortOfMemory: false }

/** A kind that was asked for so often in the last seconds, or long ago. */
function demand(key: string, times: number, lastAgoMs: number, pinned = false): Demand {
  const starts = Array.from({ length: times }, (_, index) => now - lastAgoMs - (times - 1 - index))
  return { key, starts, pinned }
}

function desired(floor: number, ceiling: number, demands: Demand[], when = at) {
  return Object.fromEntries(desiredWaiting({ floor, ceiling }, demands, when))
}

const longAgo = demandMs + 1

describe('desiredWaiting', () => {
  it('keeps nothing waiting when there are no places', () => {
    expect(desired(0, 0, [demand('a', 9, 9)])).toEqual({})
  })

  it('keeps a pinned kind waiting before its first use, and no other that was used once', () => {
    expect(desired(1, 4, [demand('plain', 0, 0, true), demand('odd', 1, 5)])).toEqual({ plain: 1 })
  })

  it('gives each wanted kind one place, and drops the least recent when places are short', () => {
    const demands = [demand('a', 2, longAgo + 1), demand('b', 2, longAgo)]
    expect(desired(0, 4, demands)).toEqual({ a: 1, b: 1 })
    expect(desired(0, 1, demands)).toEqual({ b: 1 })
  })

  it('fills up to the floor with the most recent kind', () => {
    const demands = [demand('a', 2, longAgo + 1), demand('b', 2, longAgo)]
    expect(desired(4, 6, demands)).toEqual({ a: 1, b: 3 })
  })

  it('gives a kind that is asked for often as many more as turns begin while one starts', () => {
    expect(desired(1, 8, [demand('a', 10, 0)])).toEqual({ a: 1 })
    expect(desired(1, 8, [demand('a', 35, 0)])).toEqual({ a: 4 })
    expect(desired(1, 3, [demand('a', 35, 0)])).toEqual({ a: 3 })
    expect(desired(1, 8, [demand('a', 35, longAgo)])).toEqual({ a: 1 })
  })

  it('goes not beyond the floor without memory to spare', () => {
    const short = { now, isShortOfMemory: true }
    expect(desired(1, 8, [demand('a', 35, 0), demand('b', 2, 1)], short)).toEqual({ a: 1 })
  })
})

describe('backOffMs', () => {
  it('grows from nothing to a minute', () => {
    expect([0, 1, 2, 3, 20].map(backOffMs)).toEqual([0, 1_000, 2_000, 4_000, 60_000])
  })
})
