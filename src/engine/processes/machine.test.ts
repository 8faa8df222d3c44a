import { describe, expect, it } from 'vitest'
import { amountsFor, isShortOfMemory, memoryWatch, readMachine } from './machine.ts'

const gigabyte = 1024 ** 3
const auto = { turns: 'auto', live: 'auto', waiting: 'auto' } as const

function machine(cores: number, gigabytes: number, available = gigabytes) {
  return { cores, totalBytes: gigabytes * gigabyte, availableBytes: available * gigabyte }
}

describe('amountsFor', () => {
  it.each([
    [machine(2, 1), { turns: 2, live: 2, waiting: 1 }],
    [machine(2, 24), { turns: 16, live: 20, waiting: 2 }],
    [machine(8, 8), { turns: 20, live: 6, waiting: 5 }],
    [machine(64, 256), { turns: 512, live: 64, waiting: 64 }],
  ])('fits %j', (on, expected) => {
    expect(amountsFor(on, auto)).toEqual(expected)
  })

  it('takes what the owner says', () => {
    expect(amountsFor(machine(2, 4), { turns: 3, live: 0, waiting: 7 })).toEqual({
      turns: 3,
      live: 0,
      waiting: 7,
    })
  })
})

describe('isShortOfMemory', () => {
  it.each([
    [machine(2, 24, 2), false],
    [machine(2, 24, 1), true],
    [machine(2, 2, 0.5), false],
    [machine(2, 2, 0.3), true],
  ])('of %j is %s', (on, expected) => {
    expect(isShortOfMemory(on)).toBe(expected)
  })
})

describe('readMachine', () => {
  it('tells a machine that can exist', () => {
    const { cores, totalBytes, availableBytes } = readMachine()
    expect(cores).toBeGreaterThanOrEqual(1)
    expect(availableBytes).toBeGreaterThan(0)
    expect(availableBytes).toBeLessThanOrEqual(totalBytes)
  })
})

describe('memoryWatch', () => {
  it('asks at most once a second', () => {
    let asked = 0
    let now = 0
    const isShort = memoryWatch(
      () => machine(2, 24, asked++ === 0 ? 1 : 20),
      () => now,
    )
    expect([isShort(), isShort(), asked]).toEqual([true, true, 1])
    now = 1_000
    expect([isShort(), isShort(), asked]).toEqual([false, false, 2])
  })
})
