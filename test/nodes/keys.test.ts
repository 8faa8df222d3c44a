import type OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { failure } from '../api/server/support.ts'
import { clientWith, lastAcceptedMs, withKeys } from '../keys/support.ts'
import { postgresPrograms } from '../support/postgres.ts'
import { startNodes, usePostgres } from './support.ts'

describe.skipIf(postgresPrograms === undefined)(
  'a key of several nodes (needs the programs of Postgres)',
  { timeout: 60_000 },
  () => {
    const postgres = usePostgres()

    it.each(['revoke', 'rotate'] as const)(
      'works on each, and a second after %s on none, however busy it is',
      async (end) => {
        await using nodes = await startNodes(postgres(), 3, { API_KEY: 'dummy-key' })
        const key = await withKeys(nodes.storage, (book) => book.create({ name: 'a visitor' }))
        const clients = nodes.all.map((server) => clientWith(server, key.text))
        for (const client of clients) await client.models.list()
        const asking = clients.map((client) => untilRefused(client))
        const ended = await withKeys(nodes.storage, async (book) => {
          await book[end](key.id)
          return performance.now()
        })
        // What a node knows of a key is never older than a second, so this does not depend on the machine.
        for (const accepted of await Promise.all(
          clients.map((client) => lastAcceptedMs(client, ended)),
        ))
          expect(accepted).toBeLessThan(1_000)
        await Promise.all(asking)
        for (const client of clients)
          expect(await failure(client.models.list())).toMatchObject({ code: 'invalid_api_key' })
      },
    )

    it('is asked for on each, from the first key on', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const open = nodes.all.map((server) => clientWith(server, 'unused'))
      for (const client of open) await client.models.list()
      const made = await withKeys(nodes.storage, async (book) => {
        await book.create({ name: 'the first' })
        return performance.now()
      })
      for (const accepted of await Promise.all(open.map((client) => lastAcceptedMs(client, made))))
        expect(accepted).toBeLessThan(1_000)
    })
  },
)

/** Steady use, which keeps what a node knows in its memory. */
async function untilRefused(client: OpenAI): Promise<void> {
  await lastAcceptedMs(client, performance.now())
}
