import { sql } from 'kysely'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/storage/open-store.ts'
import { failure, until } from '../api/server/support.ts'
import { clientWith } from '../keys/support.ts'
import { temporaryFolder } from '../support/claude.ts'
import { postgresPrograms } from '../support/postgres.ts'
import { startNodes, usePostgres } from './support.ts'

/** A text that could be a key's, so that the storage is asked for it. */
function keyLike(index: number): string {
  return `sk-cca-${String(index).padStart(43, 'a')}`
}

describe.skipIf(postgresPrograms === undefined)(
  'the connections of nodes (needs the programs of Postgres)',
  { timeout: 60_000 },
  () => {
    const postgres = usePostgres()

    it('are waited for while all are busy, which is no failure of the storage', async () => {
      await using folder = await temporaryFolder()
      const store = await openDatabase({
        dataDir: folder.path,
        databaseUrl: postgres().url(),
        databaseConnections: 2,
      })
      // Longer than the patience for a server that cannot be reached.
      const slow = sql`select pg_sleep(6)`
      const busy = [1, 2].map(() => store.read((queries) => slow.execute(queries)))
      const waiting = store.read((queries) => queries.selectFrom('lease').selectAll().execute())
      expect(await waiting).toEqual([])
      expect(store.health()).toEqual({ ok: true })
      await Promise.all(busy)
      await store.close()
    })

    it('may break in the middle of a transaction, which ends it and nothing else', async () => {
      await using folder = await temporaryFolder()
      const databaseUrl = postgres().url()
      const store = await openDatabase({ dataDir: folder.path, databaseUrl })
      const cut = store.write(async (queries) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(queries)
        await endConnection(databaseUrl, rows[0]?.pid ?? 0)
        await queries.selectFrom('lease').selectAll().execute()
      })
      await expect(cut).rejects.toMatchObject({ code: 'storage_unavailable' })
      const read = store.read((queries) => queries.selectFrom('lease').selectAll().execute())
      expect(await read).toEqual([])
      await store.close()
    })

    it('are no more than DATABASE_CONNECTIONS each', async () => {
      await using nodes = await startNodes(postgres(), 2, {
        API_KEY: 'dummy-key',
        DATABASE_CONNECTIONS: '3',
      })
      const asking = Array.from({ length: 40 }, (_, index) => {
        const server = nodes.all[index % 2] ?? expect.fail()
        return failure(clientWith(server, keyLike(index)).models.list())
      })
      for (const error of await Promise.all(asking))
        expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' })
      const open = await openConnections(nodes.storage.databaseUrl ?? '')
      expect(open).toBeGreaterThan(0)
      expect(open).toBeLessThanOrEqual(6)
    })
  },
)

async function openConnections(databaseUrl: string): Promise<number> {
  const rows = await ask<{ open: number }>(
    databaseUrl,
    "select count(*)::integer as open from pg_stat_activity where application_name = 'claude-code-api'",
  )
  return rows[0]?.open ?? 0
}

/** Ends somebody's connection, and waits until it is gone. */
async function endConnection(databaseUrl: string, pid: number): Promise<void> {
  await ask(databaseUrl, `select pg_terminate_backend(${pid})`)
  await until('the connection is gone', async () => {
    const rows = await ask(databaseUrl, `select 1 from pg_stat_activity where pid = ${pid}`)
    return rows.length === 0
  })
}

async function ask<Row extends pg.QueryResultRow>(
  databaseUrl: string,
  text: string,
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: databaseUrl.replace(/\?.*/, '') })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
