import { expect, it } from 'vitest'
import { gate } from '../../test/api/server/support.ts'
import { describeEngines, type Place } from '../../test/conformance/stores.ts'
import { TurnError } from '../turn/error.ts'
import { Cleaner } from './cleaner.ts'
import { openStore } from './open-store.ts'
import type { Leases } from './parts/leases.ts'
import type { Store } from './store.ts'

/** Two nodes over one database, each with a connection of its own. */
async function twoNodes({ options }: Place): Promise<[Store, Store]> {
  return [await openStore(options), await openStore({ ...options, instance: 'command' })]
}

describeEngines('the cleaner', (makePlace) => {
  it('does a job on one node only, and on another when that one has ended', async () => {
    await using place = await makePlace()
    const stores = await twoNodes(place)
    const runs: string[] = []
    const faults: unknown[] = []
    const node = (name: string, { leases }: Store): Cleaner => {
      const cleaner = new Cleaner({ leases: () => leases, onFault: (error) => faults.push(error) })
      cleaner.add({ name: 'job', everyMs: 200, run: async () => void runs.push(name) })
      return cleaner
    }
    const nodes = { one: node('one', stores[0]), other: node('other', stores[1]) }
    await expect.poll(() => runs.length, { timeout: 10_000 }).toBeGreaterThan(3)
    const first = runs[0] === 'one' ? 'one' : 'other'
    const second = first === 'one' ? 'other' : 'one'
    expect(new Set(runs)).toEqual(new Set([first]))
    await nodes[first].close()
    await expect.poll(() => runs.at(-1), { timeout: 10_000 }).toBe(second)
    await nodes[second].close()
    await Promise.all(stores.map((store) => store.close()))
    expect(faults).toEqual([])
  })

  it('keeps its lease for as long as a job takes', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const acquired: boolean[] = []
    const leases: Leases = {
      ...store.leases,
      async acquire(...lease) {
        const isOurs = await store.leases.acquire(...lease)
        acquired.push(isOurs)
        return isOurs
      },
    }
    const { opened, open } = gate()
    let begun = 0
    const faults: unknown[] = []
    const cleaner = new Cleaner({ leases: () => leases, onFault: (error) => faults.push(error) })
    const run = async (): Promise<void> => {
      begun += 1
      await opened
    }
    cleaner.add({ name: 'long', everyMs: 20, run })
    await expect.poll(() => acquired.length).toBeGreaterThan(5)
    expect([begun, new Set(acquired), faults]).toEqual([1, new Set([true]), []])
    open()
    await cleaner.close()
    await store.close()
  })

  it('goes on after a failure, tells it, and is quiet while the storage is away', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const faults: unknown[] = []
    const thrown = [new Error('broken'), new TurnError('storage_unavailable', 'away')]
    let runs = 0
    const cleaner = new Cleaner({ leases: () => store.leases, onFault: (it) => faults.push(it) })
    cleaner.add({
      name: 'failing',
      everyMs: 10,
      run: async () => {
        const error = thrown[runs++]
        if (error) throw error
      },
    })
    await expect.poll(() => runs).toBeGreaterThan(3)
    await cleaner.close()
    await store.close()
    expect(faults).toEqual([thrown[0]])
  })
})
