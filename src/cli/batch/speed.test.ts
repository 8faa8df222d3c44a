import { expect, it } from 'vitest'
import { duration, facts } from './progress.ts'
import { Speed } from './speed.ts'

it('Speed is that of the last minute, and of longer ago when nothing was done since', () => {
  const speed = new Speed()
  expect(speed.look(100, 0)).toBeUndefined()
  expect(speed.look(110, 10_000)).toBe(1)
  expect(speed.look(230, 70_000)).toBe(2)
  expect(speed.look(230, 190_000)).toBeCloseTo(120 / 180)
})

it('facts has what is known, in one order', () => {
  const state = { done: 12, failed: 1, costUsd: 0.14, status: 'in_progress' }
  expect(facts(state, 40, 2.5)).toBe('12/40 · 1 failed · 2.5/s · $0.1400 · 12 s left')
  expect(facts({ ...state, failed: 0, costUsd: undefined }, 40, undefined)).toBe('12/40')
  expect(facts({ ...state, done: 40, status: 'finalizing' }, 40, 0.05)).toBe(
    '40/40 · 1 failed · 3.0/min · $0.1400 · answers are written',
  )
})

it('duration is in two units at the most', () => {
  expect([0.2, 59.5, 61, 7_500].map(duration)).toEqual([
    '1 s',
    '1 min 0 s',
    '1 min 1 s',
    '2 h 5 min',
  ])
})
