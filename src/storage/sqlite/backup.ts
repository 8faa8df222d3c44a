import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StorageRefusal } from '../failures.ts'
import { type Migration, migrationsFor, pendingSteps } from '../migrate.ts'
import { loadSqlite, type SqliteBinding, type SqliteDatabase } from './binding.ts'
import { databaseFile, stateFolder } from './embedded.ts'
import { sqliteFailure } from './failures.ts'
import { serverIn } from './instance-lock.ts'

/** What a look at an embedded database shows, without changing it. */
export type Inspection = {
  file: string
  /** The last step of its schema; absent: there is no database yet. */
  version?: number
  /** The steps that the next start does. */
  pending: readonly Migration[]
  /** The process of the server that uses it now. */
  server?: string
}

/**
 * Looks at the database of a `DATA_DIR`. Throws a `StorageRefusal` when a newer program has used it or it is damaged, `storage_unavailable` when
 * it cannot be read.
 */
export async function inspectEmbedded(dataDir: string): Promise<Inspection> {
  const file = databaseFile(dataDir)
  const binding = await loadSqlite()
  if (!existsSync(file)) return { file, pending: migrationsFor('sqlite') }
  const server = serverIn(binding, stateFolder(dataDir))
  const { version, pending } = inspectFile(binding, file)
  return { file, version, pending, ...(server !== undefined && { server }) }
}

/**
 * Copies the database of a `DATA_DIR` into a file, as it is at one moment, also while a server uses it. Throws a `StorageRefusal` when there is
 * none or the file is there already.
 */
export async function backupEmbedded(dataDir: string, target: string): Promise<void> {
  const source = databaseFile(dataDir)
  if (!existsSync(source)) throw new StorageRefusal(`There is no database at ${source} yet.`)
  if (existsSync(target)) {
    throw new StorageRefusal(`${target} is there already; name a file that is not.`)
  }
  const binding = await loadSqlite()
  const partial = `${target}.partial`
  try {
    const database = new binding.DatabaseSync(source, { readOnly: true })
    try {
      await binding.backup(database, partial)
    } finally {
      database.close()
    }
    chmodSync(partial, 0o600)
    inspectFile(binding, partial)
    await sync(partial)
    renameSync(partial, target)
    await sync(dirname(target))
  } catch (error) {
    rmSync(partial, { force: true })
    throw sqliteFailure(error)
  }
}

/**
 * Puts a backup in the place of the database of a `DATA_DIR`; the one that was there is kept beside it, under the name that is returned. Throws a
 * `StorageRefusal` while a server uses the folder, for a file that is no backup of ours, and for a database that is there unless `force` is set.
 */
export async function restoreEmbedded(
  dataDir: string,
  source: string,
  { force, nowMs }: { force: boolean; nowMs: number },
): Promise<string | undefined> {
  const binding = await loadSqlite()
  const file = databaseFile(dataDir)
  mkdirSync(stateFolder(dataDir), { recursive: true, mode: 0o700 })
  const server = serverIn(binding, stateFolder(dataDir))
  if (server !== undefined) {
    throw new StorageRefusal(`A server (process ${server}) uses the data folder; stop it first.`)
  }
  if (!existsSync(source)) throw new StorageRefusal(`There is no file ${source}.`)
  if (existsSync(file) && !force) {
    throw new StorageRefusal(
      `There is a database at ${file}. With --force the backup takes its place, and it is kept beside it.`,
    )
  }
  const partial = `${file}.partial`
  try {
    copyFileSync(source, partial)
    chmodSync(partial, 0o600)
    inspectFile(binding, partial)
    await sync(partial)
    const kept = existsSync(file) ? moveAside(binding, file, nowMs) : undefined
    renameSync(partial, file)
    await sync(stateFolder(dataDir))
    return kept
  } catch (error) {
    for (const left of [partial, `${partial}-wal`, `${partial}-shm`]) rmSync(left, { force: true })
    throw sqliteFailure(error)
  }
}

/** Its log must not be taken for the new one's: what is in it goes into the file first. */
function moveAside({ DatabaseSync }: SqliteBinding, file: string, nowMs: number): string {
  const database = new DatabaseSync(file)
  try {
    database.exec('pragma wal_checkpoint(truncate)')
  } finally {
    database.close()
  }
  const kept = `${file}.${new Date(nowMs).toISOString().replaceAll(':', '-')}`
  renameSync(file, kept)
  for (const left of [`${file}-wal`, `${file}-shm`]) rmSync(left, { force: true })
  return kept
}

function inspectFile(
  { DatabaseSync }: SqliteBinding,
  file: string,
): { version: number; pending: Migration[] } {
  let database: SqliteDatabase | undefined
  try {
    database = new DatabaseSync(file, { readOnly: true })
    const [row] = database.prepare('pragma quick_check(1)').all() as Record<string, unknown>[]
    const found = Object.values(row ?? {})[0]
    if (found !== 'ok') throw new StorageRefusal(`${file} is damaged: ${String(found)}.`)
    const rows = database.prepare('select version from schema_version').all()
    const done = rows.map((step) => Number((step as { version: unknown }).version))
    return { version: Math.max(...done), pending: pendingSteps(migrationsFor('sqlite'), done) }
  } catch (error) {
    if (isOfAnotherKind(error)) {
      throw new StorageRefusal(`${file} is not a database of claude-code-api.`)
    }
    throw sqliteFailure(error)
  } finally {
    database?.close()
  }
}

function isOfAnotherKind(error: unknown): boolean {
  return (
    error instanceof Error && /not a database|no such table: schema_version/.test(error.message)
  )
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
