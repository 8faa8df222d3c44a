import type { Database, Queries } from '../database.ts'
import type { ResponseRow, Responses, StoredResponse } from '../parts/responses.ts'
import type { Sealer } from '../sealer.ts'

/** What one transaction changes at the most. */
const slice = 500

export function createResponses(database: Database, sealer: Sealer): Responses {
  const open = (row: ResponseRow): StoredResponse => responseOf(row, sealer)
  return {
    put: (response) => {
      const row = rowOf(response, sealer)
      const { id: _id, owner, cancel_ms: _asked, ...changed } = row
      return database.write(async (queries) => {
        await queries
          .insertInto('response')
          .values(row)
          .onConflict((conflict) =>
            conflict.column('id').doUpdateSet(changed).where('response.owner', '=', owner),
          )
          .execute()
      })
    },
    find: (owner, id) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('response')
          .selectAll()
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirst()
        return row && open(row)
      }),
    async chain(owner, id, nowMs) {
      const links = await database.read((queries) => linksOf(queries, owner, id))
      const [oldest] = links
      if (oldest === undefined || oldest.previous !== null) return []
      const ids = links.map((link) => link.id)
      const rows = new Map<string, ResponseRow>()
      for (let at = 0; at < ids.length; at += slice) {
        const some = ids.slice(at, at + slice)
        await database.write((queries) => use(queries, some, nowMs))
        for (const row of await database.read((queries) => rowsOf(queries, some))) {
          rows.set(row.id, row)
        }
      }
      const found = ids.flatMap((one) => rows.get(one) ?? [])
      return found.length === ids.length ? found.map(open) : []
    },
    renew: (owner, id, nowMs) =>
      database.write(async (queries) => {
        await queries
          .updateTable('response')
          .set({ used_ms: nowMs })
          .where('id', '=', id)
          .where('owner', '=', owner)
          .execute()
      }),
    cancel: (owner, id, nowMs) =>
      database.write(async (queries) => {
        const { numUpdatedRows } = await queries
          .updateTable('response')
          .set({ cancel_ms: nowMs })
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirstOrThrow()
        return numUpdatedRows > 0n
      }),
    cancelled: (ids) =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('response')
          .select('id')
          .where('id', 'in', ids)
          .where('cancel_ms', 'is not', null)
          .execute()
        return rows.map(({ id }) => id)
      }),
    remove: (owner, id) =>
      database.write(async (queries) => {
        const { numDeletedRows } = await queries
          .deleteFrom('response')
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirstOrThrow()
        return numDeletedRows > 0n
      }),
    async clean(usedBeforeMs) {
      for (let some = slice; some === slice;) {
        some = await database.write((queries) => removeOld(queries, usedBeforeMs))
      }
    },
  }
}

/** From the oldest on, without what they hold. */
async function linksOf(
  queries: Queries,
  owner: string,
  id: string,
): Promise<{ id: string; previous: string | null }[]> {
  return queries
    .withRecursive('chain(id, previous, depth)', (recursive) =>
      recursive
        .selectFrom('response')
        .select((is) => ['id', 'previous', is.lit(0).as('depth')])
        .where('id', '=', id)
        .where('owner', '=', owner)
        .unionAll((all) =>
          all
            .selectFrom('response')
            .innerJoin('chain', 'chain.previous', 'response.id')
            .select((is) => [
              'response.id',
              'response.previous',
              is('chain.depth', '+', is.lit(1)).as('depth'),
            ])
            .where('response.owner', '=', owner),
        ),
    )
    .selectFrom('chain')
    .select(['id', 'previous'])
    .orderBy('depth', 'desc')
    .execute()
}

async function use(queries: Queries, ids: readonly string[], nowMs: number): Promise<void> {
  await queries
    .updateTable('response')
    .set({ used_ms: nowMs })
    .where('id', 'in', ids)
    .where('used_ms', '<', nowMs)
    .execute()
}

function rowsOf(queries: Queries, ids: readonly string[]): Promise<ResponseRow[]> {
  return queries.selectFrom('response').selectAll().where('id', 'in', ids).execute()
}

async function removeOld(queries: Queries, usedBeforeMs: number): Promise<number> {
  const old = await queries
    .selectFrom('response')
    .select('id')
    .where('used_ms', '<', usedBeforeMs)
    .limit(slice)
    .execute()
  if (old.length === 0) return 0
  const { numDeletedRows } = await queries
    .deleteFrom('response')
    .where(
      'id',
      'in',
      old.map(({ id }) => id),
    )
    .where('used_ms', '<', usedBeforeMs)
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

function rowOf(response: StoredResponse, sealer: Sealer): ResponseRow {
  const { id, owner, createdMs, usedMs, previous, input, body, events } = response
  return {
    id,
    owner,
    created_ms: createdMs,
    used_ms: usedMs,
    previous: previous ?? null,
    input: sealer.seal(input, `response input ${id}`),
    body: sealer.seal(body, `response ${id}`),
    events: events === undefined ? null : sealer.seal(events, `response events ${id}`),
    cancel_ms: null,
  }
}

function responseOf(row: ResponseRow, sealer: Sealer): StoredResponse {
  const { id, owner, created_ms: createdMs, used_ms: usedMs, previous } = row
  return {
    id,
    owner,
    createdMs,
    usedMs,
    ...(previous !== null && { previous }),
    input: sealer.open(row.input, `response input ${id}`),
    body: sealer.open(row.body, `response ${id}`),
    ...(row.events !== null && { events: sealer.open(row.events, `response events ${id}`) }),
  }
}
