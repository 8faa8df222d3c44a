import { sql } from 'kysely'
import type { Database } from '../database.ts'
import { nowMs } from '../now.ts'
import type { StoredLeases } from '../parts/leases.ts'

export function createLeases(database: Database): StoredLeases {
  const now = nowMs(database.engine)
  return {
    acquire: (name, owner, ms) =>
      database.write(async (queries) => {
        await queries
          .insertInto('lease')
          .values({ name, owner, until_ms: 0 })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute()
        const { numUpdatedRows } = await queries
          .updateTable('lease')
          .set({ owner, until_ms: sql<number>`${now} + ${ms}` })
          .where('name', '=', name)
          .where((is) => is.or([is('owner', '=', owner), is('until_ms', '<=', now)]))
          .executeTakeFirstOrThrow()
        return numUpdatedRows === 1n
      }),
    release: (name, owner) =>
      database.write(async (queries) => {
        await queries
          .deleteFrom('lease')
          .where('name', '=', name)
          .where('owner', '=', owner)
          .execute()
      }),
    clean: (ms) =>
      database.write(async (queries) => {
        await queries
          .deleteFrom('lease')
          .where('until_ms', '<', sql<number>`${now} - ${ms}`)
          .execute()
      }),
  }
}
