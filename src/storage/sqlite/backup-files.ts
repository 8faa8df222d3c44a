import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { SqliteBinding, SqliteDatabase } from './binding.ts'

/** How many files, and their bytes on the disk. */
export type Copied = { files: number; bytes: number }

/**
 * Brings the content of the uploaded files that a copy of the database knows into a folder. What has been deleted since the copy was made is
 * deleted in the copy too, and an upload that was under way: so no row lacks its content, and nothing has content that no row knows.
 */
export async function copyBlobs(
  { DatabaseSync }: SqliteBinding,
  copy: string,
  { from, to }: { from: string; to: string },
): Promise<Copied> {
  await mkdir(to, { mode: 0o700 })
  const database = new DatabaseSync(copy)
  try {
    // One file: what is in the log of a copy would have to be taken along.
    database.exec('pragma journal_mode = delete; pragma secure_delete = on')
    if (!hasFiles(database)) return { files: 0, bytes: 0 }
    database.exec("delete from file where status <> 'processed'")
    const forget = database.prepare('delete from file where id = ?')
    const copied = { files: 0, bytes: 0 }
    for (const id of idsIn(database.prepare('select id from file order by id').all())) {
      const bytes = await copyOne(join(from, id), join(to, id))
      if (bytes === undefined) forget.run(id)
      else {
        copied.files += 1
        copied.bytes += bytes
      }
    }
    return copied
  } finally {
    database.close()
  }
}

/** Brings the files of a backup, all that its database knows, into a folder. Returns the ids that the backup lacks. */
export async function copyKnownBlobs(
  { DatabaseSync }: SqliteBinding,
  database: string,
  { from, to }: { from: string; to: string },
): Promise<{ copied: Copied; missing: string[] }> {
  await mkdir(to, { recursive: true, mode: 0o700 })
  const opened = new DatabaseSync(database, { readOnly: true })
  const copied = { files: 0, bytes: 0 }
  const missing: string[] = []
  try {
    if (!hasFiles(opened)) return { copied, missing }
    const known = opened.prepare("select id from file where status = 'processed'").all()
    for (const id of idsIn(known)) {
      const bytes = await copyOne(join(from, id), join(to, id))
      if (bytes === undefined) missing.push(id)
      else {
        copied.files += 1
        copied.bytes += bytes
      }
    }
    return { copied, missing }
  } finally {
    opened.close()
  }
}

/** Older databases have no such table. */
function hasFiles(database: SqliteDatabase): boolean {
  return database.prepare("select 1 from sqlite_master where name = 'file'").all().length > 0
}

/** Its bytes; undefined when it is not there. A file is never changed once it has its name. */
async function copyOne(source: string, target: string): Promise<number | undefined> {
  try {
    // Where the file system can, both share what they have in common.
    await copyFile(source, target, constants.COPYFILE_FICLONE)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  await chmod(target, 0o600)
  await syncPath(target)
  const { size } = await stat(target)
  return size
}

export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Ids name files: what is no id would lead elsewhere. */
function idsIn(rows: unknown[]): string[] {
  return rows.map((row) => String((row as { id: unknown }).id)).filter((id) => /^[\w-]+$/.test(id))
}
