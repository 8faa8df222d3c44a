import { type Migration, migrationsFor, pendingSteps, versionTable } from '../migrate.ts'
import type { SqliteDatabase } from './binding.ts'

/** Does the missing steps, all or none, while nobody else writes. Returns them. */
export function migrateEmbedded(database: SqliteDatabase): Migration[] {
  const steps = migrationsFor('sqlite')
  // Most starts find nothing to do, and need no lock for that.
  if (hasTable(database) && pendingSteps(steps, done(database)).length === 0) return []
  database.exec('begin immediate')
  try {
    database.exec(versionTable)
    const pending = pendingSteps(steps, done(database))
    const note = database.prepare('insert into schema_version values (?, ?, ?)')
    for (const { version, name, text } of pending) {
      database.exec(text)
      note.run(version, name, Date.now())
    }
    database.exec('commit')
    return pending
  } catch (error) {
    rollback(database)
    throw error
  }
}

function hasTable(database: SqliteDatabase): boolean {
  return (
    database.prepare("select 1 from sqlite_master where name = 'schema_version'").all().length > 0
  )
}

function done(database: SqliteDatabase): number[] {
  const rows = database.prepare('select version from schema_version').all()
  return rows.map((row) => Number((row as { version: unknown }).version))
}

function rollback(database: SqliteDatabase): void {
  try {
    database.exec('rollback')
  } catch {
    // SQLite has done it already.
  }
}
