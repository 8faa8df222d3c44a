import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../../storage/open-store.ts'
import type { Store } from '../../storage/store.ts'
import { TurnError } from '../../turn/error.ts'
import { Breaker } from './breaker.ts'
import { shareBreakers } from './shared.ts'

const rule = { failures: 1, share: 0.5, atLeast: 10, windowMs: 30_000, restMs: 15_000 }
const clock = { nowMs: 1_000 }
const now = (): number => clock.nowMs

/** One node: its breaker of the provider, and its sharing. */
function node(store: Store) {
  const breakers = new Map<string, Breaker>()
  const shared = shareBreakers({ breakers, saved: store.breakers, now })
  const told: string[] = []
  const breaker = new Breaker({
    rule,
    now,
    onChange: (report) => {
      told.push(report.state)
      shared.changed('backup', report)
    },
  })
  breakers.set('backup', breaker)
  return { breaker, shared, told }
}

async function saved(store: Store, state: string): Promise<void> {
  await expect.poll(() => store.breakers.load()).toMatchObject([{ state }])
}

describeEngines('shared breakers', (makePlace) => {
  it('rest after a restart for as long as before it, and probe then', async () => {
    await using place = await makePlace()
    const before = await openStore(place.options)
    node(before).breaker.admit()?.failed(new TurnError('upstream_error', 'down'))
    await saved(before, 'open')
    await before.close()

    const after = await openStore(place.options)
    const { breaker, shared, told } = node(after)
    await shared.refresh()
    expect(breaker.report()).toEqual({ state: 'open', untilMs: 16_000, code: 'upstream_error' })
    expect(breaker.admit()).toBeUndefined()
    expect(told).toEqual([])
    clock.nowMs = 16_000
    expect(breaker.admit()).toBeDefined()
    expect(breaker.admit()).toBeUndefined()
    clock.nowMs = 1_000
    await after.close()
  })

  it('are news to other nodes: that a provider fails, and that it is well again', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const one = node(store)
    const other = node(store)
    one.breaker
      .admit()
      ?.failed(new TurnError('rate_limit_exceeded', 'slow', { retryAfterMs: 5_000 }))
    await saved(store, 'paused')
    await other.shared.refresh()
    expect(other.breaker.report()).toMatchObject({ state: 'paused', untilMs: 6_000 })
    clock.nowMs = 6_000
    expect(other.breaker.report().state).toBe('closed')
    clock.nowMs = 1_000
    await store.close()
  })

  it('believe the later of two', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const one = node(store)
    one.breaker.admit()?.failed(new TurnError('upstream_error', 'down'))
    await saved(store, 'open')
    await store.breakers.save({ provider: 'backup', state: 'closed', changedMs: 1 })
    await one.shared.refresh()
    expect(one.breaker.report().state).toBe('open')
    await store.breakers.save({ provider: 'backup', state: 'closed', changedMs: 5_000 })
    await one.shared.refresh()
    expect(one.breaker.report().state).toBe('closed')
    await store.close()
  })
})
