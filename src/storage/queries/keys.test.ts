import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'

const key = { id: 'k1', name: 'Mine', prefix: 'sk-cca-abcd', createdMs: 1_000, policy: '{}' }

describeEngines('keys', (makePlace) => {
  it('are found by id and by hash, and listed with the oldest first', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    expect(await store.keys.any()).toBe(false)
    await store.keys.insert({ ...key, id: 'k2', createdMs: 2_000, expiresMs: 9_000 }, 'h2')
    await store.keys.insert(key, 'h1')
    expect(await store.keys.any()).toBe(true)
    expect(await store.keys.find('k1')).toEqual(key)
    expect(await store.keys.findByHash('h2')).toMatchObject({ id: 'k2', expiresMs: 9_000 })
    expect(await store.keys.findByHash('h3')).toBeUndefined()
    expect((await store.keys.list()).map(({ id }) => id)).toEqual(['k1', 'k2'])
    await store.close()
  })

  it('change what is named and nothing else', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    await store.keys.insert({ ...key, expiresMs: 9_000 }, 'h1')
    await store.keys.insert({ ...key, id: 'other' }, 'h2')
    const text = { hash: 'h3', prefix: 'sk-cca-new0' }
    expect(await store.keys.update('k1', { text, expiresMs: null })).toEqual({
      ...key,
      prefix: 'sk-cca-new0',
    })
    expect(await store.keys.findByHash('h1')).toBeUndefined()
    expect(await store.keys.update('k1', {})).toMatchObject({ prefix: 'sk-cca-new0' })
    expect(await store.keys.update('nobody', { revokedMs: 5 })).toBeUndefined()
    expect(await store.keys.find('other')).toEqual({ ...key, id: 'other' })
    await store.close()
  })
})
