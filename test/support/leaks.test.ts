import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { leftOver, processesWith, stillRunning } from './leaks.ts'

const hasProc = process.platform === 'linux'

async function startSleeper(marker: string): Promise<{ pid: number; end: () => Promise<void> }> {
  const child = spawn('sleep', ['60'], { env: { ...process.env, MARKER: marker } })
  await once(child, 'spawn')
  onTestFinished(() => void child.kill('SIGKILL'))
  const end = async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return { pid: child.pid ?? expect.fail(), end }
}

describe.skipIf(!hasProc)('leaks', () => {
  it('processesWith finds a process by its environment until it ends', async () => {
    const marker = crypto.randomUUID()
    const { pid, end } = await startSleeper(marker)
    await expect.poll(() => processesWith(marker)).toEqual([{ pid, command: 'sleep 60' }])
    await end()
    expect(await processesWith(marker)).toEqual([])
  })

  it('stillRunning tells the living from the ended', async () => {
    const [first, second] = [await startSleeper('a'), await startSleeper('b')]
    await first.end()
    expect(await stillRunning([first.pid, second.pid])).toMatchObject([{ pid: second.pid }])
  })

  it('leftOver returns what stays to the end of the patience, and nothing when it goes', async () => {
    const { pid, end } = await startSleeper('a')
    expect(await leftOver(() => stillRunning([pid]), 100)).toMatchObject([{ pid }])
    const waiting = leftOver(() => stillRunning([pid]))
    await end()
    expect(await waiting).toEqual([])
  })
})
