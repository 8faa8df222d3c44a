import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { describeEngines } from '../../test/conformance/stores.ts'
import { openDatabase, openStore } from './open-store.ts'
import type { SavedAnswer } from './parts/answers.ts'
import { createSealer, type Sealer } from './sealer.ts'

const texts = ['', 'words', 'é漢\u{1f600}', 'sealed1:not', 'plain1:sealed1:not', '\u0000'.repeat(3)]

describe('createSealer', () => {
  let sealer: Sealer
  let another: Sealer
  let plain: Sealer

  beforeAll(async () => {
    sealer = await createSealer('correct horse')
    another = await createSealer('another')
    plain = await createSealer(undefined)
  })

  it.each(texts)('gives %j back, with a key and without', (text) => {
    expect(sealer.open(sealer.seal(text, 'a'), 'a')).toBe(text)
    expect(plain.open(plain.seal(text, 'a'), 'a')).toBe(text)
    expect(sealer.open(plain.seal(text, 'a'), 'a')).toBe(text)
    const bytes = Buffer.from(text)
    expect(Buffer.from(sealer.openBytes(sealer.sealBytes(bytes, 'a'), 'a'))).toEqual(bytes)
    expect(Buffer.from(plain.openBytes(plain.sealBytes(bytes, 'a'), 'a'))).toEqual(bytes)
    expect(Buffer.from(sealer.openBytes(plain.sealBytes(bytes, 'a'), 'a'))).toEqual(bytes)
  })

  it('shows nothing of a text, not even that two are the same', () => {
    const sealed = [sealer.seal('the secret', 'a'), sealer.seal('the secret', 'a')]
    expect(sealed[0]).not.toBe(sealed[1])
    expect(Buffer.from(sealed.join(), 'base64').toString()).not.toContain('secret')
  })

  it('opens neither for another row, nor with another key or none, nor what was changed', () => {
    const sealed = sealer.seal('text', 'answer a')
    const changed = sealed.slice(0, -6) + (sealed.at(-6) === 'A' ? 'B' : 'A') + sealed.slice(-5)
    for (const open of [
      () => sealer.open(sealed, 'answer b'),
      () => another.open(sealed, 'answer a'),
      () => plain.open(sealed, 'answer a'),
      () => sealer.open(changed, 'answer a'),
      () => sealer.open('sealed1:', 'answer a'),
    ])
      expect(open).toThrow(expect.objectContaining({ code: 'storage_unavailable' }))
  })
})

const answer: SavedAnswer = {
  key: 'k',
  scope: 's',
  provider: 'p',
  model: 'm',
  tokens: 1,
  bytes: 1,
  storedMs: 1,
  events: '["what was said"]',
}

describeEngines('a store with DATA_KEY', (makePlace) => {
  it('has nothing that was said in its database', async () => {
    await using place = await makePlace()
    const options = { ...place.options, dataKey: 'correct horse' }
    const store = await openStore(options)
    await store.answers.put(answer)
    expect(await store.answers.find('k', 1)).toEqual(answer)
    await store.close()
    const database = await openDatabase(options)
    const rows = await database.read((queries) =>
      queries.selectFrom('answer').selectAll().execute(),
    )
    await database.close()
    const isShared = options.databaseUrl !== undefined
    const kept = isShared
      ? JSON.stringify(rows)
      : readFileSync(join(options.dataDir, 'state', 'cache.db'), 'latin1')
    expect(kept).toContain('sealed1:')
    expect(kept).not.toContain('what was said')
  })

  it('opens with its own key only, and still reads what was stored before', async () => {
    await using place = await makePlace()
    const before = await openStore(place.options)
    await before.answers.put(answer)
    await before.close()
    const dataKey = 'correct horse'
    const first = await openStore({ ...place.options, dataKey })
    expect(await first.answers.find('k', 1)).toEqual(answer)
    await first.close()
    await expect(openStore({ ...place.options, dataKey: 'another' })).rejects.toThrow(
      'was encrypted with another DATA_KEY',
    )
    await expect(openStore(place.options)).rejects.toThrow('Set the DATA_KEY')
    const again = await openStore({ ...place.options, dataKey })
    expect(await again.answers.find('k', 1)).toEqual(answer)
    await again.close()
  })
})
