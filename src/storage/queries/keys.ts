import { type ExpressionBuilder, sql, type Updateable } from 'kysely'
import type { Database, Queries } from '../database.ts'
import type { Tables } from '../tables.ts'
import type { KeyChange, KeyRow, Keys, StoredKey } from '../parts/keys.ts'

export function createKeys(database: Database): Keys {
  const first = (column: 'id' | 'hash', value: string): Promise<StoredKey | undefined> =>
    database.read(async (queries) => {
      const row = await queries
        .selectFrom('api_key')
        .selectAll()
        .where(column, '=', value)
        .executeTakeFirst()
      return row && toKey(row)
    })
  return {
    insert: (key, hash) =>
      database.write(async (queries) => {
        await queries.insertInto('api_key').values(toRow(key, hash)).execute()
      }),
    find: (id) => first('id', id),
    findByHash: (hash) => first('hash', hash),
    list: () =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('api_key')
          .selectAll()
          .orderBy('created_ms')
          .orderBy('id')
          .execute()
        return rows.map(toKey)
      }),
    any: () =>
      database.read(async (queries) => {
        const row = await queries.selectFrom('api_key').select('id').limit(1).executeTakeFirst()
        return row !== undefined
      }),
    update: (id, change) =>
      database.write(async (queries) => {
        const row = await queries
          .updateTable('api_key')
          .set({ id, ...toColumns(change) })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst()
        return row && toKey(row)
      }),
    removeEnded: (endedBeforeMs) =>
      database.write((queries) => removeEnded(queries, endedBeforeMs)),
  }
}

const removedAtOnce = 100

async function removeEnded(queries: Queries, endedBeforeMs: number): Promise<boolean> {
  const newest = await queries
    .selectFrom('api_key')
    .select('id')
    .orderBy('created_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  const ended = await endedKeys(queries, endedBeforeMs)
    .where('id', '!=', newest?.id ?? '')
    .where((is) =>
      is.not(
        is.exists(is.selectFrom('usage_day').select('owner').whereRef('owner', '=', ownerOfKey)),
      ),
    )
    .where((is) =>
      is.not(is.exists(is.selectFrom('file').select('owner').whereRef('owner', '=', ownerOfKey))),
    )
    .select('id')
    .limit(removedAtOnce)
    .execute()
  if (ended.length === 0) return false
  const removed = await queries
    .deleteFrom('api_key')
    .where(
      'id',
      'in',
      ended.map(({ id }) => id),
    )
    // Somebody may have given it more time meanwhile.
    .where(isOver(endedBeforeMs))
    .returning('id')
    .execute()
  const ids = removed.map(({ id }) => id)
  if (ids.length === 0) return false
  await queries.deleteFrom('key_reservation').where('key_id', 'in', ids).execute()
  await queries.deleteFrom('key_meter').where('key_id', 'in', ids).execute()
  return true
}

/** Revoked or expired before a time. */
export function endedKeys(queries: Queries, endedBeforeMs: number) {
  return queries.selectFrom('api_key').where(isOver(endedBeforeMs))
}

function isOver(beforeMs: number) {
  return (is: ExpressionBuilder<Tables, 'api_key'>) =>
    is.or([is('revoked_ms', '<', beforeMs), is('expires_ms', '<', beforeMs)])
}

/** Whose records are a key's (`ownerOf` in access/caller.ts). */
export const ownerOfKey = sql<string>`'key-' || ${sql.ref('api_key.id')}`

function toKey(row: KeyRow): StoredKey {
  const { id, name, prefix, created_ms, expires_ms, revoked_ms, policy } = row
  return {
    id,
    name,
    prefix,
    createdMs: created_ms,
    ...(expires_ms !== null && { expiresMs: expires_ms }),
    ...(revoked_ms !== null && { revokedMs: revoked_ms }),
    policy,
  }
}

function toRow(key: StoredKey, hash: string): KeyRow {
  return {
    id: key.id,
    name: key.name,
    hash,
    prefix: key.prefix,
    created_ms: key.createdMs,
    expires_ms: key.expiresMs ?? null,
    revoked_ms: key.revokedMs ?? null,
    policy: key.policy,
  }
}

function toColumns({ name, expiresMs, revokedMs, policy, text }: KeyChange): Updateable<KeyRow> {
  return {
    ...(name !== undefined && { name }),
    ...(expiresMs !== undefined && { expires_ms: expiresMs }),
    ...(revokedMs !== undefined && { revoked_ms: revokedMs }),
    ...(policy !== undefined && { policy }),
    ...text,
  }
}
