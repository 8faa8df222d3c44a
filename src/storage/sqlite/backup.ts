import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { blobFolder } from '../disk-blobs.ts'
import { StorageRefusal } from '../failures.ts'
import { type Copied, copyBlobs, syncPath } from './backup-files.ts'
import { loadSqlite } from './binding.ts'
import { databaseFile } from './embedded.ts'
import { sqliteFailure } from './failures.ts'
import { inspectFile } from './inspect.ts'

/** In one go: between two, a write of the server's would have it begin anew, for ever where there are always some. Nobody waits for it. */
const allPages = 2 ** 31 - 1

/** Where in a backup what is. */
export function placesIn(backup: string): { database: string; files: string } {
  return { database: join(backup, basename(databaseFile(''))), files: blobFolder(backup) }
}

/**
 * Copies what is kept in a `DATA_DIR`, the database and the uploaded files, into a new folder, as it is at one moment, also while a server uses
 * it. Throws a `StorageRefusal` when there is nothing or the folder is there already; then nothing of it is left.
 */
export async function backupEmbedded(dataDir: string, target: string): Promise<Copied> {
  const source = databaseFile(dataDir)
  if (!existsSync(source)) throw new StorageRefusal(`There is no database at ${source} yet.`)
  if (existsSync(target)) {
    throw new StorageRefusal(`${target} is there already; name a folder that is not.`)
  }
  const partial = `${target}.partial`
  const { database: copy, files } = placesIn(partial)
  const binding = await loadSqlite()
  try {
    rmSync(partial, { recursive: true, force: true })
    await mkdir(partial, { recursive: true, mode: 0o700 })
    const database = new binding.DatabaseSync(source, { readOnly: true })
    try {
      await binding.backup(database, copy, { rate: allPages })
    } finally {
      database.close()
    }
    chmodSync(copy, 0o600)
    // The rows first: a file that is uploaded from now on is in neither.
    const copied = await copyBlobs(binding, copy, { from: blobFolder(dataDir), to: files })
    inspectFile(binding, copy)
    for (const path of [copy, files, partial]) await syncPath(path)
    renameSync(partial, target)
    await syncPath(dirname(target))
    return copied
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    throw sqliteFailure(error)
  }
}
