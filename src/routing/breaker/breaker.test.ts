import { describe, expect, it } from 'vitest'
import { type ErrorCode, TurnError } from '../../turn/error.ts'
import { Breaker, type BreakerReport, type Ticket } from './breaker.ts'

const rule = { failures: 3, share: 0.5, atLeast: 10, windowMs: 30_000, restMs: 15_000 }

function start() {
  const clock = { nowMs: 0 }
  const changes: BreakerReport[] = []
  const breaker = new Breaker({
    rule,
    now: () => clock.nowMs,
    onChange: (change) => changes.push(change),
  })
  return { breaker, clock, changes }
}

function admitted(breaker: Breaker): Ticket {
  const ticket = breaker.admit()
  if (!ticket) throw new Error('Not admitted.')
  return ticket
}

function failure(code: ErrorCode = 'upstream_error', retryAfterMs?: number): TurnError {
  return new TurnError(code, code, { ...(retryAfterMs !== undefined && { retryAfterMs }) })
}

function openOne() {
  const parts = start()
  for (let count = 0; count < rule.failures; count++) admitted(parts.breaker).failed(failure())
  return parts
}

describe('closed', () => {
  it('opens at the third failure in a row', () => {
    const { breaker, changes } = openOne()
    expect(breaker.report()).toEqual({ state: 'open', untilMs: 15_000, code: 'upstream_error' })
    expect(breaker.admit()).toBeUndefined()
    expect(changes).toEqual([{ state: 'open', untilMs: 15_000, code: 'upstream_error' }])
  })

  it('starts to count anew after a success', () => {
    const { breaker } = start()
    for (const isGood of [false, false, true, false, false]) {
      if (isGood) admitted(breaker).succeeded()
      else admitted(breaker).failed(failure())
    }
    expect(breaker.report().state).toBe('closed')
  })

  it('opens at half of ten within the window, and forgets what is older', () => {
    const { breaker, clock } = start()
    const one = (isGood: boolean): void => {
      if (isGood) admitted(breaker).succeeded()
      else admitted(breaker).failed(failure())
    }
    const fourOfEach = (): void => [1, 2, 3, 4].forEach(() => [false, true].forEach(one))
    fourOfEach()
    clock.nowMs = 40_000
    fourOfEach()
    expect(breaker.report().state).toBe('closed')
    one(true)
    one(false)
    expect(breaker.report().state).toBe('open')
  })

  it('rests until the reset time of a usage limit', () => {
    const { breaker, clock } = start()
    admitted(breaker).failed(failure('usage_limit_reached', 3_600_000))
    clock.nowMs = 3_599_000
    expect(breaker.admit()).toBeUndefined()
    clock.nowMs = 3_600_000
    expect(breaker.admit()).toBeDefined()
  })

  it.each<ErrorCode>(['invalid_request', 'content_filter', 'invalid_output', 'request_cancelled'])(
    'makes nothing of %s',
    (code) => {
      const { breaker } = start()
      for (let count = 0; count < 20; count++) admitted(breaker).failed(failure(code))
      expect(breaker.report()).toEqual({ state: 'closed' })
    },
  )
})

describe('paused', () => {
  it.each([
    [2_000, 2_000],
    [undefined, 15_000],
    [1, 250],
    [86_400_000, 600_000],
  ])('for a 429 that asks for %s ms lasts %s ms and counts nothing', (askedMs, lastsMs) => {
    const { breaker, clock } = start()
    admitted(breaker).failed(failure('rate_limit_exceeded', askedMs))
    clock.nowMs = lastsMs - 1
    expect(breaker.report()).toMatchObject({ state: 'paused', untilMs: lastsMs })
    expect(breaker.admit()).toBeUndefined()
    clock.nowMs = lastsMs
    expect(breaker.report()).toEqual({ state: 'closed' })
  })

  it('keeps the failures that were counted before', () => {
    const { breaker, clock } = start()
    admitted(breaker).failed(failure())
    admitted(breaker).failed(failure())
    admitted(breaker).failed(failure('rate_limit_exceeded', 1000))
    clock.nowMs = 1000
    admitted(breaker).failed(failure())
    expect(breaker.report().state).toBe('open')
  })
})

describe('half-open', () => {
  it('lets exactly one request through', () => {
    const { breaker, clock } = openOne()
    clock.nowMs = 15_000
    expect(breaker.report().state).toBe('half-open')
    expect(breaker.admit()).toBeDefined()
    expect(breaker.report().state).toBe('probing')
    expect(breaker.admit()).toBeUndefined()
  })

  it('closes when the probe goes well', () => {
    const { breaker, clock, changes } = openOne()
    clock.nowMs = 15_000
    admitted(breaker).succeeded()
    expect(changes.map(({ state }) => state)).toEqual(['open', 'probing', 'closed'])
  })

  it('opens again when it fails', () => {
    const { breaker, clock } = openOne()
    clock.nowMs = 15_000
    admitted(breaker).failed(failure())
    expect(breaker.report()).toMatchObject({ state: 'open', untilMs: 30_000 })
  })

  it('frees the place without a verdict when the caller leaves', () => {
    const { breaker, clock } = openOne()
    clock.nowMs = 15_000
    admitted(breaker).released()
    expect(breaker.report().state).toBe('half-open')
    expect(breaker.admit()).toBeDefined()
  })

  it('frees the place without a verdict at a 429, and waits as long as it asks', () => {
    const { breaker, clock } = openOne()
    clock.nowMs = 15_000
    admitted(breaker).failed(failure('rate_limit_exceeded', 2000))
    expect(breaker.admit()).toBeUndefined()
    clock.nowMs = 17_000
    expect(breaker.report().state).toBe('half-open')
  })
})

describe('tickets', () => {
  it('give one verdict', () => {
    const { breaker } = start()
    const ticket = admitted(breaker)
    for (let count = 0; count < rule.failures; count++) ticket.failed(failure())
    expect(breaker.report().state).toBe('closed')
  })

  it('from before the opening say nothing', () => {
    const { breaker } = start()
    const old = admitted(breaker)
    for (let count = 0; count < rule.failures; count++) admitted(breaker).failed(failure())
    old.succeeded()
    expect(breaker.report().state).toBe('open')
  })

  it('by force go through an open breaker, and close it when they succeed', () => {
    const { breaker } = openOne()
    breaker.force().succeeded()
    expect(breaker.report().state).toBe('closed')
  })
})
