import { expect, it } from 'vitest'
import { Fresh } from './fresh.ts'

/** A value whose readings end when the test says so, and a clock that the test moves. */
function setUp() {
  const clock = { ms: 1_000_000 }
  const readings: ((value: string) => void)[] = []
  const fresh = new Fresh(() => new Promise<string>((resolve) => readings.push(resolve)), {
    now: () => clock.ms,
  })
  return { clock, readings, fresh }
}

it('joins a reading that is under way, and not one that is as old as what it may give', async () => {
  const { clock, readings, fresh } = setUp()
  const first = fresh.get()
  clock.ms += 999
  const joined = fresh.get()
  clock.ms += 1
  const second = fresh.get()
  expect(readings).toHaveLength(2)
  readings[0]?.('old')
  readings[1]?.('new')
  expect(await Promise.all([first, joined, second])).toEqual(['old', 'old', 'new'])
})

it('keeps what the latest reading found, also when an earlier one ends after it', async () => {
  const { clock, readings, fresh } = setUp()
  const first = fresh.get()
  clock.ms += 1_000
  const second = fresh.get()
  readings[1]?.('new')
  expect(await second).toBe('new')
  readings[0]?.('old')
  await first
  expect(fresh.get()).toBe('new')
})

it('reads again when the clock was set back: it cannot tell how old its value is', async () => {
  const { clock, readings, fresh } = setUp()
  const first = fresh.get()
  readings[0]?.('old')
  await first
  clock.ms -= 3_600_000
  const second = fresh.get()
  readings[1]?.('new')
  expect(await second).toBe('new')
  expect(fresh.get()).toBe('new')
})
