import { describe, expect, it } from 'vitest'
import { Cancellation } from './cancellation.ts'

describe('a cancellation', () => {
  it('tells its listeners once, with the first reason', () => {
    const cancellation = new Cancellation()
    const told: unknown[] = []
    cancellation.on('abort', () => told.push(cancellation.reason))
    expect(cancellation.aborted).toBe(false)
    cancellation.abort('first')
    cancellation.abort('second')
    expect(told).toEqual(['first'])
    expect(() => cancellation.throwIfAborted()).toThrow('first')
  })

  it('has a signal that aborts with it, asked for before or after', () => {
    const early = new Cancellation()
    const { signal } = early
    const late = new Cancellation()
    for (const one of [early, late]) one.abort('gone')
    for (const one of [signal, late.signal]) {
      expect(one.aborted).toBe(true)
      expect(one.reason).toBe('gone')
    }
    expect(early.signal).toBe(signal)
  })
})
