import { describe, expect, it } from 'vitest'
import { SessionHolds } from './session-holds.ts'
import type { Leases } from './sessions.ts'

const patience = (patienceMs: number, signal = new AbortController().signal) => ({
  patienceMs,
  signal,
  param: 'claude_options.session_id',
})

const onFault = (error: unknown): never => {
  throw error
}

/** As the storage has them, without their end. */
function leasesOf(owners: Map<string, string>): Leases {
  return {
    async acquire(name, owner) {
      if ((owners.get(name) ?? owner) !== owner) return false
      owners.set(name, owner)
      return true
    },
    async release(name, owner) {
      if (owners.get(name) === owner) owners.delete(name)
    },
  }
}

describe('SessionHolds', () => {
  it('waits for what an answer has still to store, whoever asks and without patience', async () => {
    const holds = new SessionHolds({ onFault })
    const first = await holds.hold('a', patience(1_000))
    let isStored = false
    const stored = new Promise<void>((resolve) => {
      setImmediate(() => {
        isStored = true
        resolve()
      })
    })
    first.release(stored)
    const taken = await holds.takeNext('a')
    expect(taken).toBeDefined()
    expect(isStored).toBe(true)

    expect(await holds.takeNext('a'), 'it answers now').toBeUndefined()
    taken?.release(new Promise(setImmediate))
    const held = await holds.hold('a', patience(0))
    expect(held.waited, 'what was known of it may be old').toBe(true)
    held.release()
    expect(holds.isHeld('a')).toBe(false)
  })

  it('gives a session to those that wait in their order', async () => {
    const holds = new SessionHolds({ onFault })
    const order: string[] = []
    const first = await holds.hold('a', patience(1_000))
    const others = ['second', 'third'].map(async (name) => {
      const hold = await holds.hold('a', patience(10_000))
      order.push(name)
      expect(hold.waited).toBe(true)
      hold.release()
    })
    expect(holds.take('a')).toBeUndefined()
    expect(first.waited).toBe(false)
    first.release()
    first.release()
    await Promise.all(others)
    expect(order).toEqual(['second', 'third'])
    expect(holds.isHeld('a')).toBe(false)
  })

  it('lets nobody wait who will not, and nobody beyond their patience', async () => {
    const holds = new SessionHolds({ onFault })
    const first = await holds.hold('a', patience(0))
    for (const ms of [0, 5]) {
      await expect(holds.hold('a', patience(ms))).rejects.toMatchObject({
        code: 'session_busy',
        param: 'claude_options.session_id',
      })
    }
    first.release()
    ;(await holds.hold('a', patience(0))).release()
  })

  it('passes over those that have left', async () => {
    const holds = new SessionHolds({ onFault })
    const first = await holds.hold('a', patience(0))
    const leaving = new AbortController()
    const second = holds.hold('a', patience(10_000, leaving.signal))
    const third = holds.hold('a', patience(10_000))
    leaving.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    first.release()
    ;(await third).release()
    expect(holds.isHeld('a')).toBe(false)
  })

  it('holds a session against other nodes', async () => {
    const owners = new Map<string, string>()
    const [here, there] = [1, 2].map(() => new SessionHolds({ leases: leasesOf(owners), onFault }))
    if (!here || !there) return expect.fail()
    const first = await here.hold('a', patience(0))
    await expect(there.hold('a', patience(0))).rejects.toMatchObject({ code: 'session_busy' })
    const second = there.hold('a', patience(10_000))
    first.release()
    expect((await second).waited).toBe(true)
    // One that nobody knows yet is held at once, and for other nodes soon.
    const fresh = here.take('b')
    await expect.poll(() => owners.has('session b')).toBe(true)
    fresh?.release()
    await expect.poll(() => owners.has('session b')).toBe(false)
  })
})
