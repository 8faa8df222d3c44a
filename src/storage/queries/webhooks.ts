import type { Database, Queries } from '../database.ts'
import type { StoredWebhook, Webhooks } from '../parts/webhooks.ts'
import type { Sealer } from '../sealer.ts'

export function createWebhooks(database: Database, sealer: Sealer): Webhooks {
  return {
    due: (nowMs, limit) =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('webhook')
          .selectAll()
          .where('due_ms', '<=', nowMs)
          .orderBy('due_ms')
          .limit(limit)
          .execute()
        return rows.map(({ created_ms: createdMs, due_ms: dueMs, url, ...row }) => ({
          ...row,
          url: sealer.open(url, aboutUrl(row.id)),
          createdMs,
          dueMs,
        }))
      }),
    claim: ({ id, attempts }, nextMs) =>
      database.write(async (queries) => {
        const { numUpdatedRows } = await queries
          .updateTable('webhook')
          .set({ attempts: attempts + 1, due_ms: nextMs })
          .where('id', '=', id)
          .where('attempts', '=', attempts)
          .executeTakeFirstOrThrow()
        return numUpdatedRows === 1n
      }),
    restore: ({ id, attempts, dueMs }) =>
      database.write(async (queries) => {
        await queries
          .updateTable('webhook')
          .set({ attempts, due_ms: dueMs })
          .where('id', '=', id)
          .where('attempts', '=', attempts + 1)
          .execute()
      }),
    remove: (id) =>
      database.write(async (queries) => {
        await queries.deleteFrom('webhook').where('id', '=', id).execute()
      }),
  }
}

/** Kept with what it tells of, in one transaction. */
export async function insertWebhook(
  queries: Queries,
  { createdMs, dueMs, url, ...webhook }: StoredWebhook,
  sealer: Sealer,
): Promise<void> {
  const sealed = sealer.seal(url, aboutUrl(webhook.id))
  await queries
    .insertInto('webhook')
    .values({ ...webhook, url: sealed, created_ms: createdMs, due_ms: dueMs })
    .execute()
}

/** What an address, in which there may be a secret, is sealed for. */
function aboutUrl(id: string): string {
  return `webhook ${id}`
}
