import { expect, it } from 'vitest'
import { Pace } from './pace.ts'

it('a pace halves where it is throttled, waits as it was told, and grows again with each answer', () => {
  const pace = new Pace()
  expect(pace.room(1_000, 0)).toBe(Number.POSITIVE_INFINITY)
  pace.slowDown(10, 0, 3_000)
  // The others of the same moment change nothing.
  pace.slowDown(9, 100, 60_000)
  expect(pace.room(0, 2_999)).toBe(0)
  expect(pace.room(0, 3_000)).toBe(5)
  expect(pace.room(5, 3_000)).toBe(0)
  for (let answered = 0; answered < 5; answered++) pace.speedUp()
  expect(pace.room(5, 3_000)).toBe(1)
  pace.slowDown(1, 4_000, 0)
  expect(pace.room(0, 4_000)).toBe(1)
})

it('a pace waits longer each time that nobody says how long, until something is answered', () => {
  const pace = new Pace()
  const waits: number[] = []
  let now = 0
  const wait = (): void => {
    pace.slowDown(1, now, undefined)
    const began = now
    while (pace.room(0, now) === 0) now += 100
    waits.push(now - began)
  }
  for (let time = 0; time < 9; time++) wait()
  pace.speedUp()
  wait()
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 500])
  pace.slowDown(1, now, 3_600_000)
  expect(pace.room(0, now + 15 * 60_000)).toBeGreaterThan(0)
})
