import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TurnClock } from './turn-clock.ts'

const limits = {
  startMs: 1_000,
  firstTokenMs: 2_000,
  idleMs: 3_000,
  toolMs: 4_000,
  turnMs: 10_000,
}
const never = new Promise<never>(() => {})

describe('TurnClock', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each([
    ['start', 1_000, 'start_timeout'],
    ['first-token', 2_000, 'first_token_timeout'],
    ['idle', 3_000, 'idle_timeout'],
    ['tool', 4_000, 'tool_timeout'],
  ] as const)('gives up the phase %s after %i ms with %s', async (phase, ms, code) => {
    const wait = new TurnClock(limits, new AbortController().signal).wait(phase, never)
    const outcome = expect(wait).rejects.toMatchObject({ code })
    await vi.advanceTimersByTimeAsync(ms)
    await outcome
  })

  it('leaves the failure of what it does not wait for any more to nobody', async () => {
    vi.useRealTimers()
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      const clock = new TurnClock(limits, AbortSignal.abort())
      await expect(clock.wait('idle', Promise.reject(new Error('late')))).rejects.toMatchObject({
        code: 'request_cancelled',
      })
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })

  it('counts what of a phase is over already', async () => {
    const wait = new TurnClock(limits, new AbortController().signal).wait('tool', never, 3_000)
    const outcome = expect(wait).rejects.toMatchObject({ code: 'tool_timeout' })
    await vi.advanceTimersByTimeAsync(1_000)
    await outcome
  })

  it('counts all phases toward the whole turn', async () => {
    const clock = new TurnClock({ ...limits, turnMs: 2_500 }, new AbortController().signal)
    await vi.advanceTimersByTimeAsync(2_000)
    const outcome = expect(clock.wait('idle', never)).rejects.toMatchObject({
      code: 'turn_timeout',
    })
    await vi.advanceTimersByTimeAsync(500)
    await outcome
  })

  it('stops at once when the caller leaves, and when the caller has left', async () => {
    const caller = new AbortController()
    const clock = new TurnClock(limits, caller.signal)
    const outcome = expect(clock.wait('idle', never)).rejects.toMatchObject({
      code: 'request_cancelled',
    })
    caller.abort()
    await outcome
    await expect(clock.wait('idle', Promise.resolve(1))).rejects.toMatchObject({
      code: 'request_cancelled',
    })
  })

  it('leaves no timer behind', async () => {
    await new TurnClock(limits, new AbortController().signal).wait('idle', Promise.resolve(1))
    expect(vi.getTimerCount()).toBe(0)
  })
})
