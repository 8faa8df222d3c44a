import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StorageRefusal } from '../failures.ts'
import type { SqliteBinding, SqliteDatabase } from './binding.ts'
import { isBusy, sqliteFailure } from './failures.ts'

/**
 * One server a folder. The lock is SQLite's own on an empty file, which the kernel frees however the process ends; the file beside it only
 * says who has it. Commands beside the server take no lock. Throws a `StorageRefusal` that names the holder.
 */
export function takeInstanceLock({ DatabaseSync }: SqliteBinding, folder: string): () => void {
  const holder = join(folder, 'server.pid')
  let lock: SqliteDatabase | undefined
  try {
    lock = new DatabaseSync(join(folder, 'server.lock'))
    lock.exec('pragma busy_timeout = 500; pragma locking_mode = exclusive; begin exclusive')
  } catch (error) {
    lock?.close()
    if (!isBusy(error)) throw sqliteFailure(error)
    throw new StorageRefusal(
      `Another server (process ${pidIn(holder)}) uses the data folder ${folder}. Stop it, give this one another DATA_DIR, or let both ` +
        'share a Postgres with DATABASE_URL.',
    )
  }
  const held = lock
  tryTo(() => writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 }))
  return () => {
    tryTo(() => rmSync(holder, { force: true }))
    held.close()
  }
}

/** Whether a server has the folder now, and which process it is. */
export function serverIn({ DatabaseSync }: SqliteBinding, folder: string): string | undefined {
  let lock: SqliteDatabase | undefined
  try {
    lock = new DatabaseSync(join(folder, 'server.lock'))
    lock.exec('pragma busy_timeout = 0; begin exclusive; rollback')
    return undefined
  } catch (error) {
    if (isBusy(error)) return pidIn(join(folder, 'server.pid'))
    throw sqliteFailure(error)
  } finally {
    lock?.close()
  }
}

function pidIn(file: string): string {
  try {
    return /^\d+/.exec(readFileSync(file, 'utf8'))?.[0] ?? 'unknown'
  } catch {
    return 'unknown'
  }
}

function tryTo(action: () => void): void {
  try {
    action()
  } catch {
    // The name in the file is a help, not the lock.
  }
}
