import { readdirSync, readFileSync } from 'node:fs'
import type { DatabaseEngine } from './database.ts'
import { StorageRefusal } from './failures.ts'

/** One step of the schema: a file `001-name.sql`, or `001-name.sqlite.sql` and `001-name.postgres.sql` where the engines differ. */
export type Migration = { version: number; name: string; text: string }

const folder = new URL('./migrations/', import.meta.url)
const fileName = /^(\d{3})-([a-z\d-]+?)(?:\.(sqlite|postgres))?\.sql$/

/** What makes the table of the steps that were done; harmless when it is there. */
export const versionTable =
  'create table if not exists schema_version (version bigint primary key, name text not null, applied_ms bigint not null)'

/** Every step for an engine, in order. */
export function migrationsFor(engine: DatabaseEngine): Migration[] {
  const steps = readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const [, version, name, only] = fileName.exec(file) ?? []
      if (version === undefined || name === undefined) return []
      if (only !== undefined && only !== engine) return []
      return [{ version: Number(version), name, text: readFileSync(new URL(file, folder), 'utf8') }]
    })
  const versions = new Set(steps.map(({ version }) => version))
  if (versions.size !== steps.length) throw new Error('Two migrations have the same number.')
  return steps
}

/** The steps that are missing. Throws a `StorageRefusal` when the database has had steps that this program does not know. */
export function pendingSteps(steps: readonly Migration[], done: readonly number[]): Migration[] {
  const known = new Set(steps.map(({ version }) => version))
  const unknown = done.filter((version) => !known.has(version))
  if (unknown.length > 0)
    throw new StorageRefusal(
      `The database has been used by a newer claude-code-api (its schema has step ${Math.max(...unknown)}, which this version does not ` +
        'know). Use that version or a later one, or restore a backup of before.',
    )
  return steps.filter(({ version }) => !done.includes(version))
}
