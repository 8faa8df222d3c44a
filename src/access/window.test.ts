import { describe, expect, it } from 'vitest'
import { admit, advance, settle } from './window.ts'

const now = Date.UTC(2030, 0, 31, 12)
const empty = {
  atMs: 0,
  requests: 0,
  tokens: 0,
  turns: 0,
  day: 0,
  dayMicros: 0,
  month: 0,
  monthMicros: 0,
}
const one = { tokens: 100, turns: 1, micros: 1_000 }

describe('a window', () => {
  it('says truly when a request would be let in', () => {
    const limits = { requests_per_minute: 3 }
    let meter = empty
    for (let i = 0; i < 3; i++) ({ meter } = admit(meter, limits, one, now))
    const { refusal } = admit(meter, limits, one, now)
    expect(refusal).toEqual({ limit: 'requests', waitMs: 20_000 })
    expect(admit(meter, limits, one, now + 19_999).refusal).toBeDefined()
    expect(admit(meter, limits, one, now + 20_000).refusal).toBeUndefined()
  })

  it('lets in what is larger than the limit when nothing else is used', () => {
    const limits = { tokens_per_minute: 50 }
    const { meter, refusal } = admit(empty, limits, one, now)
    expect(refusal).toBeUndefined()
    expect(admit(meter, limits, one, now).refusal).toEqual({ limit: 'tokens', waitMs: 60_000 })
  })

  it('begins a day and a month anew, by UTC', () => {
    const limits = { usd_per_day: 0.001, usd_per_month: 0.002 }
    const { meter } = admit(empty, limits, one, now)
    expect(admit(meter, limits, one, now).refusal).toEqual({ limit: 'day', waitMs: 43_200_000 })
    const nextDay = admit(meter, limits, one, now + 43_200_000)
    expect(nextDay.refusal).toBeUndefined()
    expect(nextDay.meter).toMatchObject({ dayMicros: 1_000, monthMicros: 1_000 })
  })

  it('tells the month when both are spent', () => {
    const limits = { usd_per_day: 0.001, usd_per_month: 0.001 }
    const { meter } = admit(empty, limits, one, now)
    expect(admit(meter, limits, one, now).refusal).toMatchObject({ limit: 'month' })
  })

  it('pays what began yesterday today, and gives nothing of today back for it', () => {
    const { meter, reservation } = admit(empty, {}, one, now)
    const later = settle(meter, {}, reservation, { tokens: 0, micros: 700 }, now + 43_200_000)
    expect(later).toMatchObject({ turns: 0, dayMicros: 700, monthMicros: 700 })
  })

  it('charges a turn whose reservation has expired', () => {
    const later = settle(empty, {}, undefined, { tokens: 0, micros: 700 }, now)
    expect(later).toMatchObject({ turns: 0, dayMicros: 700 })
  })

  it('forgets nothing when the clock is set back', () => {
    const { meter } = admit(empty, { usd_per_day: 1 }, one, now)
    expect(advance(meter, {}, now - 86_400_000 * 40)).toMatchObject({ dayMicros: 1_000, atMs: now })
  })
})
