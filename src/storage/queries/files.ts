import type { Database, Queries } from '../database.ts'
import { endedKeys, ownerOfKey } from './keys.ts'
import type { FileRow, Files, StoredFile } from '../parts/files.ts'

export function createFiles(database: Database): Files {
  return {
    insert: (file) =>
      database.write(async (queries) => {
        await queries.insertInto('file').values(rowOf(file)).execute()
      }),
    finish: (file) => database.write((queries) => finishFile(queries, file)),
    find: (owner, id, nowMs) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('file')
          .selectAll()
          .where('id', '=', id)
          .where('owner', '=', owner)
          .where('status', '=', 'processed')
          .where((is) => is.or([is('expires_ms', 'is', null), is('expires_ms', '>', nowMs)]))
          .executeTakeFirst()
        return row && fileOf(row)
      }),
    list: ({ owner, purpose, after, limit, order, nowMs }) =>
      database.read(async (queries) => {
        const beyond = order === 'asc' ? '>' : '<'
        const last =
          after === undefined
            ? undefined
            : await queries
                .selectFrom('file')
                .select(['created_ms', 'id'])
                .where('id', '=', after)
                .where('owner', '=', owner)
                .executeTakeFirst()
        const rows = await queries
          .selectFrom('file')
          .selectAll()
          .where('owner', '=', owner)
          .where('status', '=', 'processed')
          .where((is) => is.or([is('expires_ms', 'is', null), is('expires_ms', '>', nowMs)]))
          .$if(purpose !== undefined, (query) => query.where('purpose', '=', purpose ?? ''))
          .$if(last !== undefined, (query) =>
            query.where((is) =>
              is.or([
                is('created_ms', beyond, last?.created_ms ?? 0),
                is.and([
                  is('created_ms', '=', last?.created_ms ?? 0),
                  is('id', beyond, last?.id ?? ''),
                ]),
              ]),
            ),
          )
          .orderBy('created_ms', order)
          .orderBy('id', order)
          .limit(limit + 1)
          .execute()
        return rows.map(fileOf)
      }),
    remove: (id) =>
      database.write(async (queries) => {
        await queries.deleteFrom('file').where('id', '=', id).execute()
      }),
    over: ({ nowMs, begunBeforeMs, keyEndedBeforeMs }) =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('file')
          .select('id')
          .where((is) =>
            is.or([
              is('expires_ms', '<=', nowMs),
              is.and([is('status', '=', 'uploading'), is('created_ms', '<', begunBeforeMs)]),
              is(
                'owner',
                'in',
                endedKeys(queries, keyEndedBeforeMs).select(ownerOfKey.as('owner')),
              ),
            ]),
          )
          .limit(100)
          .execute()
        return rows.map(({ id }) => id)
      }),
  }
}

/** From then on its owner can see it. */
export async function finishFile(queries: Queries, file: StoredFile): Promise<void> {
  const { id, ...row } = rowOf(file)
  await queries.updateTable('file').set(row).where('id', '=', id).execute()
}

function rowOf({ createdMs, expiresMs, ...file }: StoredFile): FileRow {
  return { ...file, created_ms: createdMs, expires_ms: expiresMs ?? null }
}

function fileOf({
  created_ms: createdMs,
  expires_ms: expiresMs,
  status,
  ...file
}: FileRow): StoredFile {
  return {
    ...file,
    status: status === 'processed' ? status : 'uploading',
    createdMs,
    ...(expiresMs !== null && { expiresMs }),
  }
}
