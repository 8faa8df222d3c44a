import { existsSync } from 'node:fs'
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

/** The same of any file. Throws likewise, and for what is no database of ours. */
export function inspectFile(
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
