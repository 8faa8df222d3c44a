import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import { leftOver, stillRunning } from '../../test/support/leaks.ts'
import { WaitingRoom } from './waiting-room.ts'

const room = new WaitingRoom({ places: 0, onStart: () => {} })
afterAll(() => room.close())

/** Runs a script that prints the ids of what it leaves behind, to its end. */
async function leaves(script: string): Promise<number[]> {
  const { child } = room.take(
    {
      command: 'sh',
      args: ['-c', script],
      cwd: '/',
      env: { PATH: process.env['PATH'] },
      signal: new AbortController().signal,
    },
    false,
  )
  const [printed] = await Promise.all([child.stdout && text(child.stdout), once(child, 'exit')])
  return String(printed).trim().split('\n').map(Number)
}

describe.skipIf(process.platform === 'win32')('a process that has ended', () => {
  it.each([
    ['that waits', 'sleep 60 >/dev/null 2>&1 & echo $!'],
    ['that ignores SIGTERM', `(trap '' TERM; exec sleep 60) >/dev/null 2>&1 & echo $!; sleep 0.2`],
  ])('takes with it a process %s', async (_, script) => {
    const pids = await leaves(script)
    expect(pids.every((pid) => pid > 1)).toBe(true)
    expect(await leftOver(() => stillRunning(pids))).toEqual([])
  })
})
