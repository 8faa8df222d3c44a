import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'

describeEngines('conversations', (makePlace) => {
  it('have items in the order in which they were added, for their owner only', async () => {
    await using place = await makePlace()
    const options = { ...place.options, dataKey: 'a key that is only for this test' }
    const before = await openStore(options)
    const one = { id: 'conv_1', owner: 'ann', createdMs: 1, usedMs: 1, metadata: '{"a":"b"}' }
    await before.conversations.insert(one)
    const adding = ['x', 'y', 'z'].map((id) =>
      before.conversations.append('ann', 'conv_1', [{ id, body: `"${id}"` }], 5),
    )
    expect(await Promise.all(adding)).toEqual([true, true, true])
    expect(await before.conversations.append('bob', 'conv_1', [], 5)).toBe(false)
    await before.close()
    const store = await openStore(options)
    expect(await store.conversations.find('ann', 'conv_1')).toEqual({ ...one, usedMs: 5 })
    expect(await store.conversations.find('bob', 'conv_1')).toBeUndefined()
    const items = await store.conversations.items('conv_1')
    expect(items.map(({ id }) => id).sort()).toEqual(['x', 'y', 'z'])
    expect(items.every(({ id, body }) => body === `"${id}"`)).toBe(true)
    expect(await store.conversations.findItem('ann', 'y')).toEqual({ id: 'y', body: '"y"' })
    expect(await store.conversations.findItem('bob', 'y')).toBeUndefined()
    expect(await store.conversations.removeItem('conv_1', 'y')).toBe(true)
    expect(await store.conversations.removeItem('conv_1', 'y')).toBe(false)
    expect(await store.conversations.change('ann', 'conv_1', '{}')).toBe(true)
    expect(await store.conversations.change('bob', 'conv_1', '{}')).toBe(false)
    expect(await store.conversations.remove('bob', 'conv_1')).toBe(false)
    expect(await store.conversations.remove('ann', 'conv_1')).toBe(true)
    expect(await store.conversations.items('conv_1')).toEqual([])
    await store.close()
  })

  it('are cleaned away in their time', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const more = { owner: 'ann', createdMs: 1, metadata: '{}' }
    await store.conversations.insert({ id: 'conv_1', usedMs: 1, ...more })
    await store.conversations.append('ann', 'conv_1', [{ id: 'x', body: '1' }], 2)
    await store.conversations.insert({ id: 'conv_2', usedMs: 9, ...more })
    await store.conversations.clean(5)
    expect(await store.conversations.find('ann', 'conv_1')).toBeUndefined()
    expect(await store.conversations.items('conv_1')).toEqual([])
    expect(await store.conversations.find('ann', 'conv_2')).toBeDefined()
    await store.close()
  })
})
