import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { ConfigSources } from '../config/read.ts'
import { openDatabase } from '../storage/open-store.ts'
import { readAddress } from '../storage/postgres/address.ts'
import { backupEmbedded, restoreEmbedded } from '../storage/sqlite/backup.ts'
import { TurnError } from '../turn/error.ts'
import type { Console } from './console.ts'

type Storage = Config['storage']

/** Brings the schema of the configured database up to date, and says which steps that took. Returns the exit status. */
export function migrate(sources: ConfigSources, console: Console): Promise<number> {
  return told(console, async () => {
    const startedMs = Date.now()
    const database = await openDatabase({ ...loadConfig(sources).storage, instance: 'command' })
    try {
      const { ok, reason } = database.health()
      if (!ok) throw new TurnError('storage_unavailable', reason ?? 'It cannot be used.')
      const steps = await database.read((queries) =>
        queries.selectFrom('schema_version').selectAll().orderBy('version').execute(),
      )
      const now = steps.filter(({ applied_ms: appliedMs }) => appliedMs >= startedMs)
      for (const { version, name } of now) console.out(`step ${version} (${name}) done`)
      const last = steps.at(-1)
      console.out(`The database (${database.engine}) is at step ${last?.version} (${last?.name}).`)
    } finally {
      await database.close()
    }
  })
}

/** Copies the embedded database into a file, beside a running server too. Returns the exit status. */
export function backup(
  file: string | undefined,
  sources: ConfigSources,
  console: Console,
): Promise<number> {
  return told(console, async () => {
    const { storage } = loadConfig(sources)
    refusePostgres(storage, 'pg_dump --format=custom --file=FILE')
    const target = resolve(expectFile(file, 'backup'))
    await backupEmbedded(storage.dataDir, target)
    console.out(`The database is copied to ${target}.`)
    if (storage.dataKey !== undefined) {
      console.out('What was said is encrypted in it: keep the DATA_KEY elsewhere.')
    }
  })
}

/** Puts a backup in the place of the embedded database. Returns the exit status. */
export function restore(
  file: string | undefined,
  sources: ConfigSources,
  { console, force }: { console: Console; force: boolean },
): Promise<number> {
  return told(console, async () => {
    const { storage } = loadConfig(sources)
    refusePostgres(storage, 'pg_restore --clean --if-exists')
    const source = resolve(expectFile(file, 'restore'))
    const kept = await restoreEmbedded(storage.dataDir, source, { force, nowMs: Date.now() })
    console.out(`${source} is now the database.`)
    if (kept !== undefined) console.out(`The one before is kept as ${kept}.`)
  })
}

async function told(console: Console, work: () => Promise<void>): Promise<number> {
  try {
    await work()
    return 0
  } catch (error) {
    if (!(error instanceof TurnError)) throw error
    console.err(error.message)
    return 1
  }
}

function expectFile(file: string | undefined, command: string): string {
  if (file !== undefined) return file
  throw new TurnError('invalid_value', `Name the file: \`claude-code-api ${command} FILE\``)
}

function refusePostgres({ databaseUrl }: Storage, command: string): void {
  if (databaseUrl === undefined) return
  const { schema } = readAddress(databaseUrl)
  throw new TurnError(
    'invalid_value',
    `DATABASE_URL is set, and Postgres has its own tools for this: \`${command} --schema=${schema}\` with the same database.`,
  )
}
