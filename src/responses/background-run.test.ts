import { expect, it } from 'vitest'
import { BackgroundRun, type RunEvent } from './background-run.ts'

async function read(events: AsyncIterable<RunEvent>): Promise<string[]> {
  const found: string[] = []
  for await (const { sequence, written } of events) found.push(`${sequence} ${written}`)
  return found
}

it('follow gives what was said and what is said, from where it is asked', async () => {
  const run = new BackgroundRun('resp_1', 'ann', () => {})
  run.push('a')
  run.push('b')
  const { signal } = new AbortController()
  const all = read(run.follow(-1, signal))
  const later = read(run.follow(1, signal))
  await Promise.resolve()
  run.push('c')
  run.end()
  expect(await all).toEqual(['0 a', '1 b', '2 c'])
  expect(await later).toEqual(['2 c'])
  expect(await read(run.follow(0, signal))).toEqual(['1 b', '2 c'])
})

it('follow ends when its reader leaves', async () => {
  const run = new BackgroundRun('resp_1', 'ann', () => {})
  const reader = new AbortController()
  const reading = read(run.follow(-1, reader.signal))
  reader.abort()
  expect(await reading).toEqual([])
})

it('cancel ends the answer', () => {
  let ended = 0
  const run = new BackgroundRun('resp_1', 'ann', () => ended++)
  run.cancel()
  expect([ended, run.isCancelled]).toEqual([1, true])
})
