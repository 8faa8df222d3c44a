import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { readAddress } from '../../src/storage/postgres/address.ts'
import { ask } from '../api/server/support.ts'
import { clientWith, withKeys } from '../keys/support.ts'
import { postgresPrograms } from '../support/postgres.ts'
import { startTestServer } from '../support/server.ts'
import { startNodes, usePostgres } from './support.ts'

describe.skipIf(postgresPrograms === undefined)(
  'an upgrade of nodes one after the other (needs the programs of Postgres)',
  { timeout: 60_000 },
  () => {
    const postgres = usePostgres()

    it('leaves those of the older version at work, which are refused only when they start again', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const { databaseUrl = '' } = nodes.storage
      const key = await withKeys(nodes.storage, (book) => book.create({ name: 'a visitor' }))
      await beginNewer(databaseUrl)
      for (const server of nodes.all) {
        const { text } = await ask(clientWith(server, key.text))
        expect(text).toBe('Hello from the scripted model.')
      }
      const again = startTestServer({ DATABASE_URL: databaseUrl }, nodes.anthropic)
      await expect(again).rejects.toThrow(/used by a newer claude-code-api .*998/)
    })
  },
)

/** What the first node of a newer version does at its start: steps that only add. */
async function beginNewer(databaseUrl: string): Promise<void> {
  const { connectionString, schema } = readAddress(databaseUrl)
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query(`set search_path to ${client.escapeIdentifier(schema)}`)
    await client.query('alter table api_key add column colour text')
    await client.query('create table newer (id text primary key)')
    await client.query("insert into schema_version values (998, 'newer', 0)")
  } finally {
    await client.end()
  }
}
