import type { Updateable } from 'kysely'
import type { Database } from '../database.ts'
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
  }
}

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
