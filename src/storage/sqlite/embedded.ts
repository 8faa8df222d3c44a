import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely } from 'kysely'
import type { Connection, Queries } from '../database.ts'
import { StorageRefusal, unavailable } from '../failures.ts'
import type { Tables } from '../tables.ts'
import { type SqliteBinding, type SqliteDatabase, loadSqlite } from './binding.ts'
import { sqliteDialect } from './dialect.ts'
import { isBusy, isDamaged, sqliteFailure } from './failures.ts'
import { GroupCommit } from './group-commit.ts'
import { takeInstanceLock } from './instance-lock.ts'
import { migrateEmbedded } from './migrate.ts'

export type EmbeddedOptions = {
  dataDir: string
  /** A server has the folder for itself; a command works beside it. */
  instance: 'server' | 'command'
}

/** The folder of everything that is kept in a `DATA_DIR`. */
export function stateFolder(dataDir: string): string {
  return join(dataDir, 'state')
}

export function databaseFile(dataDir: string): string {
  return join(stateFolder(dataDir), 'claude-code-api.db')
}

/** What can be lost, apart from what cannot: the answers of the cache. */
export function cacheFile(dataDir: string): string {
  return join(stateFolder(dataDir), 'cache.db')
}

/**
 * Opens the database of a `DATA_DIR`, made when there is none, brought up to date. Throws `storage_unavailable` for what the disk does, a
 * `StorageRefusal` when another server has it or a newer program has had it.
 */
export async function openEmbedded({ dataDir, instance }: EmbeddedOptions): Promise<Connection> {
  const binding = await loadSqlite()
  const folder = makeStateFolder(dataDir)
  const unlock = instance === 'server' ? takeInstanceLock(binding, folder) : () => {}
  try {
    const database = await openFile(binding, databaseFile(dataDir), 'full')
    return connectionOver(database, () => {
      closeFile(database, instance === 'server')
      unlock()
    })
  } catch (error) {
    unlock()
    throw sqliteFailure(error)
  }
}

/**
 * Opens the file of what can be lost: no commit of it waits for the disk, so that a power cut costs the last of them and not the file. One that is
 * damaged, or that a newer program has had, is made anew. Throws `storage_unavailable` for what the disk does.
 */
export async function openCache(dataDir: string): Promise<Connection> {
  const binding = await loadSqlite()
  makeStateFolder(dataDir)
  const file = cacheFile(dataDir)
  const open = async (): Promise<Connection> => {
    const database = await openFile(binding, file, 'normal')
    return connectionOver(database, () => closeFile(database, true))
  }
  try {
    return await open().catch((error: unknown) => {
      if (!isDamaged(error) && !(error instanceof StorageRefusal)) throw error
      for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
      return open()
    })
  } catch (error) {
    throw sqliteFailure(error)
  }
}

function makeStateFolder(dataDir: string): string {
  const folder = stateFolder(dataDir)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw unavailable(`the folder ${folder} cannot be made (${codeOf(error)}).`, error)
  }
  return folder
}

/** Whether a commit waits until it is on the disk; `normal`: only what moves the log into the file does. */
type Waiting = 'full' | 'normal'

/** How long another process that opens or closes the same file is waited for. */
const patienceMs = 5_000

async function openFile(
  binding: SqliteBinding,
  file: string,
  waiting: Waiting,
): Promise<SqliteDatabase> {
  const endsAt = performance.now() + patienceMs
  for (;;) {
    try {
      return openOnce(binding, file, waiting)
    } catch (error) {
      // The change to WAL does not wait for others by itself.
      if (!isBusy(error) || performance.now() > endsAt) throw error
      await sleep(50)
    }
  }
}

function openOnce({ DatabaseSync }: SqliteBinding, file: string, waiting: Waiting): SqliteDatabase {
  const database = new DatabaseSync(file)
  try {
    chmodSync(file, 0o600)
    database.exec(
      `pragma busy_timeout = 2000; pragma journal_mode = wal; pragma synchronous = ${waiting}; pragma foreign_keys = on; ` +
        // What is deleted is overwritten.
        'pragma secure_delete = on',
    )
    migrateEmbedded(database)
    // From here on whoever waits for another process does so without holding up the event loop.
    database.exec('pragma busy_timeout = 20')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function connectionOver(database: SqliteDatabase, close: () => void): Connection {
  const kysely = new Kysely<Tables>({ dialect: sqliteDialect(database) })
  const group = new GroupCommit(database, kysely)
  let isClosed = false
  const expectFree = (): void => {
    if (isClosed) throw unavailable('it has been closed.')
    group.expectOutside()
  }
  const connection: Connection = {
    engine: 'sqlite',
    async read(work) {
      expectFree()
      try {
        return await work(kysely)
      } catch (error) {
        throw sqliteFailure(error)
      }
    },
    async write(work) {
      expectFree()
      return group.write(work)
    },
    probe: () => connection.write(writeProbe),
    async close() {
      if (isClosed) return
      isClosed = true
      await group.settled()
      close()
    },
  }
  return connection
}

async function writeProbe(queries: Queries): Promise<void> {
  const value = String(Date.now())
  await queries
    .insertInto('meta')
    .values({ name: 'probe', value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

function closeFile(database: SqliteDatabase, isAlone: boolean): void {
  try {
    // Statements that are alive would leave a large log behind.
    database.exec(`pragma wal_checkpoint(${isAlone ? 'truncate' : 'passive'})`)
  } catch {
    // A full disk, say: the log is read at the next start.
  }
  database.close()
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
