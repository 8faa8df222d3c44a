import { describe, expect, it } from 'vitest'
import type { Keys, StoredKey } from '../storage/parts/keys.ts'
import { TurnError } from '../turn/error.ts'
import { KeyRing } from './key-ring.ts'
import { hashOf } from './keys.ts'

const text = `sk-cca-${'a'.repeat(43)}`
const key: StoredKey = { id: 'k1', name: 'n', prefix: 'sk-cca-aaaa', createdMs: 0, policy: '{}' }

/** A ring over one key that the test can change, with a clock that the test moves. */
function setUp(memory?: { get(): boolean; set(hasKeys: boolean): void }, isShared = false) {
  const state: { stored: StoredKey | undefined; reads: number; away: boolean; ms: number } = {
    stored: key,
    reads: 0,
    away: false,
    ms: 1_000_000,
  }
  const read = async <T>(value: () => T): Promise<T> => {
    state.reads += 1
    if (state.away) throw new TurnError('storage_unavailable', 'away')
    return value()
  }
  const keys: Pick<Keys, 'findByHash' | 'any'> = {
    findByHash: (hash) => read(() => (hash === hashOf(text) ? state.stored : undefined)),
    any: () => read(() => state.stored !== undefined),
  }
  const ring = new KeyRing({
    keys: Promise.resolve(keys as Keys),
    now: () => state.ms,
    isShared,
    ...(memory && { memory }),
  })
  return { state, ring, find: async () => ring.find(text) }
}

describe('a key ring', () => {
  it('asks the storage once for many requests, and before the second is over again', async () => {
    const { state, ring, find } = setUp()
    await Promise.all([find(), find(), find()])
    const first = state.reads
    state.ms += 499
    expect(ring.find(text)).toEqual({ owner: 'key-k1', keyId: 'k1' })
    expect(state.reads).toBe(first)
    state.ms += 1
    // Given at once, and read beside it.
    expect(ring.find(text)).toEqual({ owner: 'key-k1', keyId: 'k1' })
    await Promise.resolve()
    expect(state.reads).toBe(first + 1)
  })

  it('gives nothing that is older than a second', async () => {
    const { state, find } = setUp()
    await find()
    state.stored = { ...key, revokedMs: 1 }
    state.ms += 1_000
    await expect(find()).rejects.toMatchObject({ code: 'invalid_api_key' })
  })

  it('goes on with keys that it knows for five minutes without storage, and not longer', async () => {
    const { state, find } = setUp()
    await find()
    state.away = true
    state.ms += 299_999
    expect(await find()).toEqual({ owner: 'key-k1', keyId: 'k1' })
    state.ms += 1
    await expect(find()).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  it('knows nobody new without storage', async () => {
    const { state, find } = setUp()
    state.away = true
    await expect(find()).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  it('looks up only what can be a key', () => {
    const { state, ring } = setUp()
    expect(ring.find('unused')).toBeUndefined()
    expect(ring.find(`${text}a`)).toBeUndefined()
    expect(state.reads).toBe(0)
  })

  it('asks for a key from the first key on, also after a start without storage', async () => {
    let remembered = false
    const memory = { get: () => remembered, set: (value: boolean) => void (remembered = value) }
    const { state, ring } = setUp(memory)
    state.stored = undefined
    expect(await ring.asksForKey()).toBe(false)
    state.stored = key
    state.ms += 1_000
    expect(await ring.asksForKey()).toBe(true)
    const next = setUp(memory)
    next.state.away = true
    expect(await next.ring.asksForKey()).toBe(true)
  })

  it('does not know without storage whether others have made keys, longer than five minutes', async () => {
    const own = setUp()
    own.state.stored = undefined
    own.state.away = true
    expect(await own.ring.asksForKey()).toBe(false)
    const { state, ring } = setUp(undefined, true)
    state.stored = undefined
    state.away = true
    await expect(ring.asksForKey()).rejects.toMatchObject({ code: 'storage_unavailable' })
    state.away = false
    expect(await ring.asksForKey()).toBe(false)
    state.away = true
    state.ms += 299_999
    expect(await ring.asksForKey()).toBe(false)
    state.ms += 1
    await expect(ring.asksForKey()).rejects.toMatchObject({ code: 'storage_unavailable' })
  })
})
