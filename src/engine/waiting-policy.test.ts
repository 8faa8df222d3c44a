import { describe, expect, it } from 'vitest'
import { type Demand, desiredWaiting } from './waiting-policy.ts'

const demand = (key: string, uses: number, lastUsed: number, pinned = false): Demand => ({
  key,
  uses,
  lastUsed,
  pinned,
})

describe('desiredWaiting', () => {
  it('keeps nothing waiting when there are no places', () => {
    expect(desiredWaiting(0, [demand('a', 9, 9)])).toEqual(new Map())
  })

  it('keeps a pinned kind waiting before its first use, and no other that was used once', () => {
    expect(desiredWaiting(2, [demand('plain', 0, 0, true), demand('odd', 1, 5)])).toEqual(
      new Map([['plain', 2]]),
    )
  })

  it('gives each wanted kind one place, the most recent the rest', () => {
    const demands = [demand('a', 2, 1), demand('b', 2, 2)]
    expect(desiredWaiting(3, demands)).toEqual(
      new Map([
        ['b', 2],
        ['a', 1],
      ]),
    )
  })

  it('drops the least recently used when places are short', () => {
    expect([...desiredWaiting(1, [demand('a', 9, 1), demand('b', 2, 2)]).keys()]).toEqual(['b'])
  })
})
