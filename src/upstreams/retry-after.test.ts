import { expect, it } from 'vitest'
import { type Headers, retryAfterMs } from './retry-after.ts'

const now = Date.UTC(2026, 0, 1, 12, 0, 0)

it.each<[string, Headers, number | undefined]>([
  ['no header', {}, undefined],
  ['seconds', { 'retry-after': '2' }, 2000],
  ['part of a second', { 'retry-after': '0.25' }, 250],
  ['a unit', { 'retry-after': '250ms' }, 250],
  ['a unit of seconds', { 'retry-after': '3s' }, 3000],
  ['milliseconds, which win', { 'retry-after': '9', 'retry-after-ms': '40' }, 40],
  ['a date', { 'retry-after': 'Thu, 01 Jan 2026 12:00:30 GMT' }, 30_000],
  ['a date gone by', { 'retry-after': 'Thu, 01 Jan 2026 11:00:00 GMT' }, 0],
  ['a day', { 'retry-after': '86400' }, 3_600_000],
  ['less than nothing', { 'retry-after': '-5' }, 0],
  ['words', { 'retry-after': 'soon' }, undefined],
  ['two headers', { 'retry-after': ['1', '2'] }, 1000],
])('retryAfterMs reads %s', (_name, headers, expected) => {
  expect(retryAfterMs(headers, now)).toBe(expected)
})
