import { describe, expect, it } from 'vitest'
import { describeEngines, type MakePlace } from '../../test/conformance/stores.ts'
import type { Database, Queries } from './database.ts'
import { openDatabase } from './open-store.ts'
import { openStore } from './open-store.ts'

const put = (name: string, value: string) => (queries: Queries) =>
  queries.insertInto('meta').values({ name, value }).execute()

async function names(database: Database): Promise<string[]> {
  const rows = await database.read((queries) =>
    queries
      .selectFrom('meta')
      .select('name')
      .where('name', '!=', 'probe')
      .orderBy('name')
      .execute(),
  )
  return rows.map(({ name }) => name)
}

describeEngines('a database', (makePlace: MakePlace) => {
  it('keeps what was written, for whoever opens it later', async () => {
    await using place = await makePlace()
    const first = await openDatabase(place.options)
    await first.write(put('a', 'Grüße, 😀'))
    await first.close()
    const second = await openDatabase(place.options)
    expect(await names(second)).toEqual(['a'])
    await second.close()
  })

  it('keeps nothing of a write that failed, and all of those at the same time', async () => {
    await using place = await makePlace()
    const database = await openDatabase(place.options)
    const writes = Array.from({ length: 40 }, (_, index) =>
      database.write(async (queries) => {
        await put(`n${index}`, 'x')(queries)
        if (index % 4 === 0) throw new Error(`not ${index}`)
        return index
      }),
    )
    const results = await Promise.allSettled(writes)
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(10)
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { message: 'not 0' } })
    expect(results[1]).toEqual({ status: 'fulfilled', value: 1 })
    expect(await names(database)).toHaveLength(30)
    await database.close()
  })

  it('shows readers only what was committed', async () => {
    await using place = await makePlace()
    const database = await openDatabase(place.options)
    const writing = database.write(async (queries) => {
      await put('half', 'x')(queries)
      throw new Error('no')
    })
    const reading = names(database)
    await expect(writing).rejects.toThrow('no')
    expect(await reading).toEqual([])
    await database.close()
  })

  it('counts exactly, however many write the same row at once', async () => {
    await using place = await makePlace()
    const database = await openDatabase(place.options)
    await database.write(put('count', '0'))
    await Promise.all(
      Array.from({ length: 100 }, () =>
        database.write(async (queries) => {
          const row = await queries
            .updateTable('meta')
            .set({ value: 'locked' })
            .where('name', '=', 'lock')
            .returning('value')
            .executeTakeFirst()
          expect(row).toBeUndefined()
          await queries
            .insertInto('lease')
            .values({ name: 'count', owner: 'x', until_ms: 1 })
            .onConflict((conflict) =>
              conflict.column('name').doUpdateSet((row) => ({
                until_ms: row('lease.until_ms', '+', 1),
              })),
            )
            .execute()
        }),
      ),
    )
    const { until_ms } = await database.read((queries) =>
      queries.selectFrom('lease').select('until_ms').executeTakeFirstOrThrow(),
    )
    expect(until_ms).toBe(100)
    await database.close()
  })

  it('gives whole numbers as numbers, up to 2^53', async () => {
    await using place = await makePlace()
    const database = await openDatabase(place.options)
    const until_ms = Number.MAX_SAFE_INTEGER
    await database.write((queries) =>
      queries.insertInto('lease').values({ name: 'a', owner: 'x', until_ms }).execute(),
    )
    const row = await database.read((queries) =>
      queries.selectFrom('lease').selectAll().executeTakeFirst(),
    )
    expect(row).toEqual({ name: 'a', owner: 'x', until_ms })
    await database.close()
  })

  it('refuses a text that it could not keep whole', async () => {
    await using place = await makePlace()
    const database = await openDatabase(place.options)
    await expect(database.write(put('a', 'x\0y'))).rejects.toMatchObject({ code: 'invalid_value' })
    await database.close()
  })

  it('is made once when two open it at the same time', async () => {
    await using place = await makePlace()
    const options = { ...place.options, instance: 'command' as const }
    const opened = await Promise.all([1, 2, 3].map(() => openDatabase(options)))
    const versions = await opened[0]?.read((queries) =>
      queries.selectFrom('schema_version').select(['version', 'name']).orderBy('version').execute(),
    )
    expect(versions?.[0]).toEqual({ version: 1, name: 'foundation' })
    await Promise.all(opened.map((database) => database.close()))
  })

  it('refuses the data of a newer program', async () => {
    await using place = await makePlace()
    const database = await openDatabase(place.options)
    await database.write((queries) =>
      queries
        .insertInto('schema_version')
        .values({ version: 998, name: 'later', applied_ms: 1 })
        .execute(),
    )
    await database.close()
    await expect(openDatabase(place.options)).rejects.toThrow(
      'used by a newer claude-code-api (its schema has step 998',
    )
  })

  it('leases to one owner at a time', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { leases } = store
    const taken = await Promise.all(
      ['a', 'b', 'c'].map((owner) => leases.acquire('work', owner, 60_000)),
    )
    expect(taken.filter(Boolean)).toHaveLength(1)
    const owner = ['a', 'b', 'c'][taken.indexOf(true)] ?? ''
    expect(await leases.acquire('work', owner, 60_000)).toBe(true)
    expect(await leases.acquire('work', 'd', 60_000)).toBe(false)
    expect(await leases.acquire('other work', 'd', 60_000)).toBe(true)
    await leases.release('work', 'd')
    expect(await leases.acquire('work', 'd', 60_000)).toBe(false)
    await leases.release('work', owner)
    expect(await leases.acquire('work', 'd', -1)).toBe(true)
    // That one was over at once.
    expect(await leases.acquire('work', 'e', 60_000)).toBe(true)
    await store.close()
  })

  it('says that it was closed', async () => {
    await using place = await makePlace()
    const database = await openDatabase(place.options)
    await database.close()
    await expect(database.read(async () => 1)).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
  })
})

describe('an embedded database', () => {
  it('tells who reads or writes inside of a write, and goes on', async () => {
    const { temporaryFolder } = await import('../../test/support/claude.ts')
    await using folder = await temporaryFolder()
    const database = await openDatabase({ dataDir: folder.path })
    const inside = /inside of a write/
    await expect(database.write(() => names(database))).rejects.toThrow(inside)
    await expect(database.write(() => database.write(put('nested', 'x')))).rejects.toThrow(inside)
    const late = database.write(async (queries) => {
      await put('first', 'x')(queries)
      return names(database)
    })
    // Those beside it wait as ever.
    const beside = Promise.all([
      names(database),
      database.write(put('beside', 'x')),
      Promise.resolve().then(() => names(database)),
    ])
    await expect(late).rejects.toThrow(inside)
    await beside
    expect(await names(database)).toEqual(['beside'])
    await database.close()
  })
})

describe('a data folder', () => {
  it('that cannot be used is told once in the message, to each who asks', async () => {
    const database = await openDatabase({ dataDir: '/dev/null/none' })
    const asked = database.read(async () => 1)
    await expect(asked).rejects.toThrow(
      /^The storage cannot be used: the folder \/dev\/null\/none\/state cannot be made \(ENOTDIR\)\.$/,
    )
    await database.close()
  })

  it('is one server only, and commands beside it', async () => {
    const { temporaryFolder } = await import('../../test/support/claude.ts')
    await using folder = await temporaryFolder()
    const options = { dataDir: folder.path }
    const server = await openDatabase(options)
    await expect(openDatabase(options)).rejects.toThrow(
      `Another server (process ${process.pid}) uses the data folder`,
    )
    const command = await openDatabase({ ...options, instance: 'command' })
    await command.write(put('from the command', 'x'))
    expect(await names(server)).toEqual(['from the command'])
    await command.close()
    await server.write(put('more', 'x'))
    await server.close()
    const next = await openDatabase(options)
    expect(await names(next)).toEqual(['from the command', 'more'])
    await next.close()
  })
})
