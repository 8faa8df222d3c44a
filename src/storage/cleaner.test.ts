import { expect, it } from 'vitest'
import { describeEngines } from '../../test/conformance/stores.ts'
import { TurnError } from '../turn/error.ts'
import { Cleaner } from './cleaner.ts'
import { openStore } from './open-store.ts'

describeEngines('the cleaner', (makePlace) => {
  it('does a job on one node only, and on another when that one has ended', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const runs: string[] = []
    const faults: unknown[] = []
    const node = (name: string): Cleaner => {
      const cleaner = new Cleaner({
        leases: () => store.leases,
        onFault: (error) => faults.push(error),
      })
      cleaner.add({ name: 'job', everyMs: 40, run: async () => void runs.push(name) })
      return cleaner
    }
    const nodes = { one: node('one'), other: node('other') }
    await expect.poll(() => runs.length).toBeGreaterThan(3)
    const first = runs[0] === 'one' ? 'one' : 'other'
    const second = first === 'one' ? 'other' : 'one'
    expect(new Set(runs)).toEqual(new Set([first]))
    await nodes[first].close()
    await expect.poll(() => runs.at(-1)).toBe(second)
    await nodes[second].close()
    await store.close()
    expect(faults).toEqual([])
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
