import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import pg from 'pg'
import { readAddress, shownAddress } from '../../storage/postgres/address.ts'
import { inspectEmbedded } from '../../storage/sqlite/inspect.ts'
import { TurnError } from '../../turn/error.ts'
import { failure, ok, warning, type Finding } from './check.ts'

const leastFreeBytes = 256 * 1024 * 1024
const patienceMs = 3_000

/** The database can be used; nothing of it is changed, or made. */
export function checkStorage(storage: { dataDir: string; databaseUrl?: string }): Promise<Finding> {
  return storage.databaseUrl === undefined
    ? checkEmbedded(storage.dataDir)
    : checkPostgres(storage.databaseUrl)
}

async function checkEmbedded(dataDir: string): Promise<Finding> {
  try {
    const { file, version, pending, server } = await inspectEmbedded(dataDir)
    const freeBytes = await freeBytesAt(file)
    if (freeBytes < leastFreeBytes) {
      return warning(
        'storage',
        `only ${Math.floor(freeBytes / 1024 / 1024)} MiB are free for ${file}`,
        'Make room, or set DATA_DIR to a folder on another disk.',
      )
    }
    if (version === undefined) return ok('storage', `${file} will be made (SQLite)`)
    const steps = pending.length === 0 ? '' : `; the next start does ${pending.length} steps`
    const inUse = server === undefined ? '' : `; server ${server} uses it`
    return ok('storage', `${file} is sound (SQLite, step ${version}${steps}${inUse})`)
  } catch (error) {
    return failure('storage', TurnError.from(error).message, 'docs/storage.md says what to do.')
  }
}

async function checkPostgres(url: string): Promise<Finding> {
  const where = shownAddress(url)
  const client = new pg.Client({
    connectionString: readAddress(url).connectionString,
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
  })
  // What ends the connection is told by the call that needed it.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return ok('storage', `Postgres ${rows[0]?.server_version} answers at ${where}`)
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
    return failure(
      'storage',
      `Postgres cannot be used at ${where} (${reason})`,
      'Check DATABASE_URL, and that Postgres runs and lets this user in.',
    )
  } finally {
    await client.end()
  }
}

async function freeBytesAt(file: string): Promise<number> {
  let folder = dirname(file)
  while (!existsSync(folder)) folder = dirname(folder)
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
