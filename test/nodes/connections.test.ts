import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { failure } from '../api/server/support.ts'
import { clientWith } from '../keys/support.ts'
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
  const client = new pg.Client({ connectionString: databaseUrl.replace(/\?.*/, '') })
  await client.connect()
  try {
    const { rows } = await client.query<{ open: number }>(
      "select count(*)::integer as open from pg_stat_activity where application_name = 'claude-code-api'",
    )
    return rows[0]?.open ?? 0
  } finally {
    await client.end()
  }
}
