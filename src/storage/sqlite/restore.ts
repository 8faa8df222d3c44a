import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { blobFolder } from '../disk-blobs.ts'
import { StorageRefusal } from '../failures.ts'
import { placesIn } from './backup.ts'
import { type Copied, copyKnownBlobs, syncPath } from './backup-files.ts'
import { loadSqlite, type SqliteBinding } from './binding.ts'
import { databaseFile, stateFolder } from './embedded.ts'
import { sqliteFailure } from './failures.ts'
import { inspectFile } from './inspect.ts'
import { serverIn } from './instance-lock.ts'

export type Restored = {
  /** Absent: the backup is a database alone, and the uploaded files that are there stay. */
  copied?: Copied
  /** What was there before, under the names that it has now. */
  kept: string[]
}

/**
 * Puts a backup, a folder or a database alone, in the place of what a `DATA_DIR` keeps; what was there is kept beside it. Throws a
 * `StorageRefusal` while a server uses the folder, for what is no backup of ours or lacks files, and for what is there unless `force` is set; then
 * nothing has changed.
 */
export async function restoreEmbedded(
  dataDir: string,
  source: string,
  { force, nowMs }: { force: boolean; nowMs: number },
): Promise<Restored> {
  const binding = await loadSqlite()
  const file = databaseFile(dataDir)
  mkdirSync(stateFolder(dataDir), { recursive: true, mode: 0o700 })
  const server = serverIn(binding, stateFolder(dataDir))
  if (server !== undefined) {
    throw new StorageRefusal(`A server (process ${server}) uses the data folder; stop it first.`)
  }
  if (!existsSync(source)) throw new StorageRefusal(`There is no backup at ${source}.`)
  const isWhole = statSync(source).isDirectory()
  const { database, files } = isWhole ? placesIn(source) : { database: source, files: undefined }
  if (!existsSync(database)) throw new StorageRefusal(`There is no database in ${source}.`)
  if (!force) refuseToReplace(file, files === undefined ? undefined : blobFolder(dataDir))
  const made = { database: `${file}.partial`, files: `${blobFolder(dataDir)}.partial` }
  try {
    removeAll(made)
    copyFileSync(database, made.database)
    chmodSync(made.database, 0o600)
    inspectFile(binding, made.database)
    await syncPath(made.database)
    const copied = files && (await bringFiles(binding, made, files))
    const suffix = new Date(nowMs).toISOString().replaceAll(':', '-')
    const kept: string[] = []
    // Cut short between the two, the same once more mends it.
    if (files !== undefined) kept.push(...replace(made.files, blobFolder(dataDir), suffix))
    if (existsSync(file)) emptyLog(binding, file)
    kept.push(...replace(made.database, file, suffix))
    for (const folder of [stateFolder(dataDir), dataDir]) await syncPath(folder)
    return { kept, ...(copied && { copied }) }
  } catch (error) {
    removeAll(made)
    throw sqliteFailure(error)
  }
}

function refuseToReplace(file: string, files: string | undefined): void {
  const hasFiles = files !== undefined && existsSync(files) && readdirSync(files).length > 0
  if (!existsSync(file) && !hasFiles) return
  const there = existsSync(file) ? `a database at ${file}` : `a folder of files at ${files}`
  throw new StorageRefusal(
    `There is ${there}. With --force the backup takes its place, and it is kept beside it.`,
  )
}

async function bringFiles(
  binding: SqliteBinding,
  made: { database: string; files: string },
  from: string,
): Promise<Copied> {
  const to = made.files
  const { copied, missing } = await copyKnownBlobs(binding, made.database, { from, to })
  if (missing.length > 0) {
    throw new StorageRefusal(
      `The backup lacks ${missing.length} of its files, ${missing[0]} for one. Use one that is whole.`,
    )
  }
  await syncPath(to)
  return copied
}

/** Gives it its place; what was there moves aside, under the name that is returned. */
function replace(made: string, place: string, suffix: string): string[] {
  const kept = existsSync(place) ? [`${place}.${suffix}`] : []
  for (const aside of kept) renameSync(place, aside)
  renameSync(made, place)
  return kept
}

/** The log of the old database must not be taken for the new one's: what is in it goes into the file. */
function emptyLog({ DatabaseSync }: SqliteBinding, file: string): void {
  const database = new DatabaseSync(file)
  try {
    database.exec('pragma wal_checkpoint(truncate)')
  } finally {
    database.close()
  }
  for (const left of [`${file}-wal`, `${file}-shm`]) rmSync(left, { force: true })
}

function removeAll({ database, files }: { database: string; files: string }): void {
  for (const left of [database, `${database}-wal`, `${database}-shm`, files])
    rmSync(left, { recursive: true, force: true })
}
