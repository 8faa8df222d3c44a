import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Limiter } from '../../src/access/limits.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { noUsage } from '../../src/turn/usage.ts'
import { describeEngines, type Place } from '../conformance/stores.ts'

/** What a turn sets aside, what it costs of that, and how long it takes. */
const asked = fc.record({
  bound: fc.integer({ min: 1, max: 5_000 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  steps: fc.integer({ min: 0, max: 8 }),
})

function finish(costMicros: number): TurnEvent {
  const claude = { sessionId: 's', costUsd: costMicros / 1_000_000, durationMs: 1, turns: 1 }
  return { type: 'finish', reason: 'stop', model: 'm', usage: noUsage, claude }
}

/** Two nodes over one database. */
async function nodes({ options }: Place): Promise<[Store, Store]> {
  return [await openStore(options), await openStore({ ...options, instance: 'command' })]
}

const none = { tokens: 0, turns: 1 }
let keys = 0

describeEngines('a budget', (makePlace) => {
  it(
    'is passed by one reservation at the most, however 200 requests at two nodes fall together',
    { timeout: 300_000 },
    async () => {
      await using place = await makePlace()
      const stores = await nodes(place)
      const limiters = stores.map(
        ({ meters }) =>
          new Limiter({ meters: Promise.resolve(meters), telemetry: silentTelemetry }),
      )
      const property = fc.asyncProperty(
        fc.array(asked, { minLength: 200, maxLength: 200 }),
        fc.integer({ min: 1, max: 300_000 }),
        async (requests, budget) => {
          const key = `key${++keys}`
          const limits = { usd_per_day: budget / 1_000_000 }
          let spent = 0
          let refusals = 0
          await Promise.all(
            requests.map(async ({ bound, share, steps }, index) => {
              const limiter = limiters[index % 2]
              const standing = await limiter?.admit(key, limits, { ...none, micros: bound }, 1)
              if (!standing?.admitted) {
                refusals += 1
                return
              }
              for (let step = 0; step < steps; step++)
                await new Promise((resolve) => setImmediate(resolve))
              const cost = Math.round(bound * share)
              spent += cost
              standing.admitted.push(0, finish(cost))
            }),
          )
          await Promise.all(limiters.map((limiter) => limiter.settled()))
          const meter = await stores[0].meters.find(key)
          const largest = Math.max(...requests.map(({ bound }) => bound))
          expect(meter).toMatchObject({ turns: 0, dayMicros: spent, monthMicros: spent })
          expect(spent).toBeLessThan(budget + largest)
          const wanted = requests.reduce((sum, { bound }) => sum + bound, 0)
          if (wanted < budget) expect(refusals).toBe(0)
        },
      )
      await fc.assert(property, { numRuns: 6 })
      await Promise.all(limiters.map((limiter) => limiter.close()))
      await Promise.all(stores.map((store) => store.close()))
    },
  )

  it('gets back what a node set aside that was killed', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const decide = { day: 0, month: 0, tokens: 5, turns: 1, micros: 10 }
    const used = {
      requests: 1,
      tokens: 5,
      turns: 1,
      day: 0,
      month: 0,
      dayMicros: 10,
      monthMicros: 10,
    }
    await store.meters.reserve('k', { id: 'lost', leaseMs: -1 }, (meter) => ({
      meter: { ...meter, ...used },
      reservation: decide,
    }))
    const limiter = new Limiter({
      meters: Promise.resolve(store.meters),
      telemetry: silentTelemetry,
    })
    const { meter } = await limiter.admit('k', { turns_at_once: 1 }, { ...none, micros: 0 }, 1)
    expect(meter.turns).toBe(1)
    await limiter.close()
    await store.close()
  })
})
