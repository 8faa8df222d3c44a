import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../test/support/claude.ts'
import { openDatabase, openStore } from '../open-store.ts'
import type { SavedAnswer } from '../parts/answers.ts'

const answer: SavedAnswer = {
  key: 'k',
  scope: 's',
  provider: 'p',
  model: 'm',
  tokens: 1,
  bytes: 1,
  storedMs: 1,
  events: '["words that nobody else has"]',
}

describe('the answers of the cache beside the embedded database', () => {
  it('have a file of their own, for its owner only, and only once there is one', async () => {
    await using folder = await temporaryFolder()
    const store = await openStore({ dataDir: folder.path })
    const state = join(folder.path, 'state')
    expect(await store.answers.find('k', 1)).toBeUndefined()
    await store.answers.clean({ storedBeforeMs: 1, entries: 1, bytes: 1 })
    expect(await store.answers.clear({ scope: 's', clearedMs: 1 })).toBe(0)
    expect(existsSync(join(state, 'cache.db'))).toBe(false)
    await store.answers.put(answer)
    await store.close()
    expect(statSync(join(state, 'cache.db')).mode & 0o777).toBe(0o600)
    const having = readdirSync(state).filter((file) =>
      readFileSync(join(state, file), 'latin1').includes('words that nobody else has'),
    )
    expect(having).toEqual(['cache.db'])
  })

  it.each([
    ['is no database', 'not a database at all '.repeat(500)],
    ['is damaged', undefined],
  ])('are made anew when their file %s', async (_name, text) => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'state', 'cache.db')
    const before = await openStore({ dataDir: folder.path })
    await before.answers.put(answer)
    await before.close()
    const bytes = readFileSync(file)
    bytes.fill(0xff, 100)
    writeFileSync(file, text ?? bytes)
    const after = await openStore({ dataDir: folder.path })
    expect(await after.answers.find('k', 1)).toBeUndefined()
    await after.answers.put(answer)
    expect(await after.answers.find('k', 1)).toEqual(answer)
    expect(after.health()).toEqual({ ok: true })
    await after.close()
  })

  it('are made anew when a newer program has had them', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'state', 'cache.db')
    const before = await openStore({ dataDir: folder.path })
    await before.answers.put(answer)
    await before.close()
    // A database of the same kind, with a step that nobody knows.
    await using newer = await temporaryFolder()
    const database = await openDatabase({ dataDir: newer.path })
    await database.write(async (queries) => {
      await queries
        .insertInto('schema_version')
        .values({ version: 999, name: 'later', applied_ms: 1 })
        .execute()
    })
    await database.close()
    writeFileSync(file, readFileSync(join(newer.path, 'state', 'claude-code-api.db')))
    const after = await openStore({ dataDir: folder.path })
    expect(await after.answers.find('k', 1)).toBeUndefined()
    await after.answers.put(answer)
    await after.close()
  })
})
