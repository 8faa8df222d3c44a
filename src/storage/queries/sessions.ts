import type { Database, Queries } from '../database.ts'
import type {
  Session,
  SessionChange,
  SessionQuery,
  SessionRow,
  Sessions,
  SessionUse,
} from '../parts/sessions.ts'
import type { TranscriptPiece } from '../parts/transcripts.ts'
import type { Sealer } from '../sealer.ts'
import { transcriptRow } from './transcripts.ts'

export function createSessions(database: Database, sealer: Sealer): Sessions {
  const shown = (row: SessionRow | undefined): Session | undefined => row && toSession(row, sealer)
  return {
    find: async (id, owner) => shown(await database.read((queries) => find(queries, id, owner))),
    latest: async (owner, folder) =>
      shown(await database.read((queries) => latest(queries, owner, folder))),
    use: (use) => database.write((queries) => insertOrUse(queries, use, sealer)),
    setOpenCalls: (id, owner, ids) =>
      database.write(async (queries) => {
        await queries
          .updateTable('session')
          .set({ open_calls: JSON.stringify(ids) })
          .where('id', '=', id)
          .where('owner', '=', owner)
          .execute()
      }),
    list: (owner, query) => list(database, sealer, owner, query),
    change: async (id, owner, change) =>
      shown(await database.write((queries) => update(queries, sealer, { id, owner }, change))),
    insert: (session, pieces) => insertWhole(database, sealer, session, pieces),
    remove: (id, owner) =>
      database.write(async (queries) => {
        const { numDeletedRows } = await queries
          .deleteFrom('session')
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirstOrThrow()
        return numDeletedRows === 1n
      }),
    over: (usedBeforeMs) =>
      database.read((queries) =>
        queries
          .selectFrom('session')
          .select(['id', 'owner', 'folder'])
          .where('used_ms', '<', usedBeforeMs)
          .orderBy('used_ms')
          .limit(stepSize)
          .execute(),
      ),
    adopt: (sessions) =>
      database.write(async (queries) => {
        for (const session of sessions) {
          await queries
            .insertInto('session')
            .values(newRow(session, sealer))
            .onConflict((conflict) => conflict.column('id').doNothing())
            .execute()
        }
      }),
  }
}

const stepSize = 100

async function insertWhole(
  database: Database,
  sealer: Sealer,
  session: Session,
  pieces: readonly TranscriptPiece[],
): Promise<void> {
  const row = toRow(session, sealer)
  const rows = pieces.map((piece, index) => transcriptRow(sealer, session.id, index + 1, piece))
  await database.write(async (queries) => {
    await queries.insertInto('session').values(row).execute()
    // Each may be large.
    for (const one of rows) await queries.insertInto('transcript').values(one).execute()
  })
}

function find(queries: Queries, id: string, owner: string): Promise<SessionRow | undefined> {
  return queries
    .selectFrom('session')
    .selectAll()
    .where('id', '=', id)
    .where('owner', '=', owner)
    .executeTakeFirst()
}

function latest(queries: Queries, owner: string, folder: string): Promise<SessionRow | undefined> {
  return queries
    .selectFrom('session')
    .selectAll()
    .where('owner', '=', owner)
    .where('folder', '=', folder)
    .orderBy('used_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

async function insertOrUse(queries: Queries, use: SessionUse, sealer: Sealer): Promise<number> {
  const { owner, folder, model, usedMs, openCalls } = use
  const calls = openCalls === undefined ? null : JSON.stringify(openCalls)
  const row = await queries
    .insertInto('session')
    .values({ ...newRow(use, sealer), turns: 1, open_calls: calls })
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet((now) => ({
          folder,
          ...(model !== undefined && { model }),
          turns: now('session.turns', '+', 1),
          open_calls: calls,
          used_ms: usedMs,
        }))
        .where('session.owner', '=', owner),
    )
    .returning('turns')
    .executeTakeFirst()
  return row?.turns ?? 0
}

/** Titles may be sealed, so they are searched here and not by the database. */
async function list(
  database: Database,
  sealer: Sealer,
  owner: string,
  { limit, after, folder, search }: SessionQuery,
): Promise<Session[]> {
  const found: Session[] = []
  const wanted = search?.toLowerCase()
  const size = wanted === undefined ? limit : stepSize
  for (let last = after; ;) {
    const query = { limit: size, after: last, folder, isTitled: wanted !== undefined }
    const rows = await database.read((queries) => page(queries, owner, query))
    for (const row of rows) {
      const session = toSession(row, sealer)
      const isWanted = wanted === undefined || session.title?.toLowerCase().includes(wanted)
      if (isWanted === true) found.push(session)
    }
    if (found.length >= limit || rows.length < size) return found.slice(0, limit)
    last = rows.at(-1)?.id
  }
}

async function page(
  queries: Queries,
  owner: string,
  query: Record<'after' | 'folder', string | undefined> & { limit: number; isTitled: boolean },
): Promise<SessionRow[]> {
  const { limit, after, folder, isTitled } = query
  let selected = queries.selectFrom('session').selectAll().where('owner', '=', owner)
  if (after !== undefined) {
    const last = await find(queries, after, owner)
    if (last === undefined) return []
    const { created_ms: createdMs } = last
    selected = selected.where((is) =>
      is.or([
        is('created_ms', '<', createdMs),
        is.and([is('created_ms', '=', createdMs), is('id', '<', after)]),
      ]),
    )
  }
  if (folder !== undefined) selected = selected.where('folder', '=', folder)
  if (isTitled) selected = selected.where('title', 'is not', null)
  return selected.orderBy('created_ms', 'desc').orderBy('id', 'desc').limit(limit).execute()
}

function update(
  queries: Queries,
  sealer: Sealer,
  { id, owner }: Pick<Session, 'id' | 'owner'>,
  { title, metadata }: SessionChange,
): Promise<SessionRow | undefined> {
  const sealed = title === undefined || title === null ? title : sealer.seal(title, aboutTitle(id))
  return queries
    .updateTable('session')
    .set({
      id,
      ...(sealed !== undefined && { title: sealed }),
      ...(metadata && { metadata: sealer.seal(JSON.stringify(metadata), aboutMetadata(id)) }),
    })
    .where('id', '=', id)
    .where('owner', '=', owner)
    .returningAll()
    .executeTakeFirst()
}

function newRow({ id, owner, folder, model, usedMs }: SessionUse, sealer: Sealer): SessionRow {
  return {
    id,
    owner,
    folder,
    title: null,
    metadata: sealer.seal('{}', aboutMetadata(id)),
    model: model ?? null,
    turns: 0,
    open_calls: null,
    created_ms: usedMs,
    used_ms: usedMs,
  }
}

function toRow(session: Session, sealer: Sealer): SessionRow {
  const { id, title, metadata, openCalls } = session
  return {
    id,
    owner: session.owner,
    folder: session.folder,
    title: title === undefined ? null : sealer.seal(title, aboutTitle(id)),
    metadata: sealer.seal(JSON.stringify(metadata), aboutMetadata(id)),
    model: session.model ?? null,
    turns: session.turns,
    open_calls: openCalls === undefined ? null : JSON.stringify(openCalls),
    created_ms: session.createdMs,
    used_ms: session.usedMs,
  }
}

function toSession(row: SessionRow, sealer: Sealer): Session {
  const { id } = row
  return {
    id,
    owner: row.owner,
    folder: row.folder,
    ...(row.title !== null && { title: sealer.open(row.title, aboutTitle(id)) }),
    metadata: JSON.parse(sealer.open(row.metadata, aboutMetadata(id))) as Record<string, string>,
    ...(row.model !== null && { model: row.model }),
    turns: row.turns,
    ...(row.open_calls !== null && { openCalls: JSON.parse(row.open_calls) as string[] }),
    createdMs: row.created_ms,
    usedMs: row.used_ms,
  }
}

function aboutTitle(id: string): string {
  return `session ${id} title`
}

function aboutMetadata(id: string): string {
  return `session ${id} metadata`
}
