import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'
import type { SavedAnswer } from '../parts/answers.ts'

const answer = (key: string, more: Partial<SavedAnswer> = {}): SavedAnswer => ({
  key,
  scope: 'owner a',
  provider: 'claude-code',
  model: 'm',
  tokens: 3,
  bytes: 100,
  storedMs: 1_000,
  events: '[]',
  ...more,
})

const noLimits = { storedBeforeMs: 0, entries: 1_000, bytes: 1_000_000 }

describeEngines('answers', (makePlace) => {
  it('are found by key after a restart, the newest of each', async () => {
    await using place = await makePlace()
    const before = await openStore(place.options)
    await before.answers.put(answer('k'))
    await before.answers.put(answer('k', { storedMs: 2_000, events: '["é"]' }))
    await before.close()
    const after = await openStore(place.options)
    expect(await after.answers.find('k', 3_000)).toEqual(
      answer('k', { storedMs: 2_000, events: '["é"]' }),
    )
    expect(await after.answers.find('other', 3_000)).toBeUndefined()
    await after.close()
  })

  it('are cleared in their scope only, and other nodes hear of it', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { answers } = store
    for (const key of ['a', 'b']) await answers.put(answer(key))
    await answers.put(answer('c', { scope: 'owner b' }))
    expect(await answers.clear({ scope: 'owner b', key: 'a', clearedMs: 5 })).toBe(0)
    expect(await answers.clear({ scope: 'owner a', key: 'a', clearedMs: 6 })).toBe(1)
    expect((await answers.list('owner a')).map(({ key }) => key)).toEqual(['b'])
    expect(await answers.clear({ scope: 'owner a', clearedMs: 7 })).toBe(1)
    expect((await answers.list('owner b')).map(({ key }) => key)).toEqual(['c'])
    expect(await answers.clearedSince(6)).toEqual([
      { scope: 'owner a', key: 'a', clearedMs: 6 },
      { scope: 'owner a', clearedMs: 7 },
    ])
    await store.close()
  })

  it('are bounded in time, number and bytes, the least recently used first', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { answers } = store
    for (let index = 0; index < 6; index++) {
      await answers.put(answer(`k${index}`, { storedMs: 1_000 + index }))
    }
    await answers.clean({ ...noLimits, storedBeforeMs: 1_001 })
    await answers.find('k1', 2_000)
    const left = async (): Promise<string[]> =>
      (await answers.list('owner a')).map(({ key }) => key).toSorted()
    expect(await left()).toEqual(['k1', 'k2', 'k3', 'k4', 'k5'])
    await answers.clean({ ...noLimits, entries: 4 })
    expect(await left()).toEqual(['k1', 'k3', 'k4', 'k5'])
    await answers.clean({ ...noLimits, bytes: 250 })
    expect(await left()).toEqual(['k1', 'k5'])
    await store.close()
  })

  it('are cleaned by the thousand', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { answers } = store
    await Promise.all(Array.from({ length: 1_200 }, (_, index) => answers.put(answer(`k${index}`))))
    await answers.clean({ ...noLimits, entries: 10 })
    expect(await answers.list('owner a')).toHaveLength(10)
    await answers.clean({ ...noLimits, storedBeforeMs: 2_000 })
    expect(await answers.list('owner a')).toEqual([])
    await store.close()
  })
})
