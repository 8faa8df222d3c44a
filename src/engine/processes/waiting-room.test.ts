import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import { leftOver, stillRunning } from '../../../test/support/leaks.ts'
import { endProcess, isAlive } from './child.ts'
import { WaitingRoom } from './waiting-room.ts'

const room = new WaitingRoom({ limits: { floor: 0, ceiling: 0 }, onStart: () => {} })
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

describe.skipIf(process.platform === 'win32')('take', () => {
  it('gives no process whose output has ended, although its exit is not noticed yet', async () => {
    await using stack = new Waiting()
    const waiting = await stack.waiting()
    const { stdout } = waiting
    if (!stdout) return expect.fail()
    const ended = once(stdout, 'close')
    stdout.resume()
    await ended
    expect([waiting.exitCode, waiting.signalCode, isAlive(waiting)]).toEqual([null, null, false])
    expect(stack.take().child).not.toBe(waiting)
  })
})

/** A room in which one process waits that closes its output and goes on. */
class Waiting implements AsyncDisposable {
  readonly #children: ChildProcess[] = []
  readonly #room = new WaitingRoom({
    limits: { floor: 1, ceiling: 1 },
    onStart: (child) => this.#children.push(child),
  })

  take() {
    const spawn = {
      command: 'sh',
      args: ['-c', 'exec >&-; exec sleep 60'],
      cwd: '/',
      env: { PATH: process.env['PATH'] },
    }
    return this.#room.take({ ...spawn, signal: new AbortController().signal }, true)
  }

  async waiting(): Promise<ChildProcess> {
    endProcess(this.take().child)
    this.#room.refill()
    const child = this.#children.at(-1) ?? expect.fail()
    await once(child, 'spawn')
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#room.close()
    const running = this.#children.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    )
    const exits = running.map((child) => once(child, 'exit'))
    for (const child of running) endProcess(child)
    await Promise.all(exits)
  }
}
