import { sql } from 'kysely'
import type { Database, Queries } from '../database.ts'
import type {
  Session,
  SessionChange,
  SessionQuery,
  SessionRow,
  Sessions,
  SessionUse,
} from '../parts/sessions.ts'

export function createSessions(database: Database): Sessions {
  return {
    find: (id, owner) => database.read((queries) => find(queries, id, owner)),
    latest: (owner, folder) => database.read((queries) => latest(queries, owner, folder)),
    use: (use) => database.write((queries) => insertOrUse(queries, use)),
    setOpenCalls: (id, owner, ids) =>
      database.write(async (queries) => {
        await queries
          .updateTable('session')
          .set({ open_calls: JSON.stringify(ids) })
          .where('id', '=', id)
          .where('owner', '=', owner)
          .execute()
      }),
    list: (owner, query) => database.read((queries) => list(queries, owner, query)),
    change: (id, owner, change) =>
      database.write((queries) => update(queries, { id, owner }, change)),
    remove: (id, owner) =>
      database.write(async (queries) => {
        const { numDeletedRows } = await queries
          .deleteFrom('session')
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirstOrThrow()
        return numDeletedRows === 1n
      }),
    adopt: (sessions) =>
      database.write(async (queries) => {
        for (const session of sessions) {
          await queries
            .insertInto('session')
            .values(newRow(session))
            .onConflict((conflict) => conflict.column('id').doNothing())
            .execute()
        }
      }),
  }
}

async function find(queries: Queries, id: string, owner: string): Promise<Session | undefined> {
  const row = await queries
    .selectFrom('session')
    .selectAll()
    .where('id', '=', id)
    .where('owner', '=', owner)
    .executeTakeFirst()
  return row && toSession(row)
}

async function latest(
  queries: Queries,
  owner: string,
  folder: string,
): Promise<Session | undefined> {
  const row = await queries
    .selectFrom('session')
    .selectAll()
    .where('owner', '=', owner)
    .where('folder', '=', folder)
    .orderBy('used_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && toSession(row)
}

async function insertOrUse(queries: Queries, use: SessionUse): Promise<void> {
  const { owner, folder, model, usedMs } = use
  await queries
    .insertInto('session')
    .values({ ...newRow(use), turns: 1 })
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet((row) => ({
          folder,
          ...(model !== undefined && { model }),
          turns: row('session.turns', '+', 1),
          open_calls: null,
          used_ms: usedMs,
        }))
        .where('session.owner', '=', owner),
    )
    .execute()
}

async function list(
  queries: Queries,
  owner: string,
  { limit, after, folder, search }: SessionQuery,
): Promise<Session[]> {
  let selected = queries.selectFrom('session').selectAll().where('owner', '=', owner)
  if (after !== undefined) {
    const last = await find(queries, after, owner)
    if (last === undefined) return []
    const { createdMs } = last
    selected = selected.where((is) =>
      is.or([
        is('created_ms', '<', createdMs),
        is.and([is('created_ms', '=', createdMs), is('id', '<', after)]),
      ]),
    )
  }
  if (folder !== undefined) selected = selected.where('folder', '=', folder)
  if (search !== undefined) {
    const pattern = `%${search.toLowerCase().replace(/[!%_]/g, '!$&')}%`
    selected = selected.where(sql<boolean>`lower(title) like ${pattern} escape '!'`)
  }
  const rows = await selected
    .orderBy('created_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toSession)
}

async function update(
  queries: Queries,
  { id, owner }: Pick<Session, 'id' | 'owner'>,
  { title, metadata }: SessionChange,
): Promise<Session | undefined> {
  const row = await queries
    .updateTable('session')
    .set({
      id,
      ...(title !== undefined && { title }),
      ...(metadata && { metadata: JSON.stringify(metadata) }),
    })
    .where('id', '=', id)
    .where('owner', '=', owner)
    .returningAll()
    .executeTakeFirst()
  return row && toSession(row)
}

function newRow({ id, owner, folder, model, usedMs }: SessionUse): SessionRow {
  return {
    id,
    owner,
    folder,
    title: null,
    metadata: '{}',
    model: model ?? null,
    turns: 0,
    open_calls: null,
    created_ms: usedMs,
    used_ms: usedMs,
  }
}

function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    owner: row.owner,
    folder: row.folder,
    ...(row.title !== null && { title: row.title }),
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    ...(row.model !== null && { model: row.model }),
    turns: row.turns,
    ...(row.open_calls !== null && { openCalls: JSON.parse(row.open_calls) as string[] }),
    createdMs: row.created_ms,
    usedMs: row.used_ms,
  }
}
