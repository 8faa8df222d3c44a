import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { ConfigSources } from '../config/read.ts'
import { openDatabase } from '../storage/open-store.ts'
import { readAddress } from '../storage/postgres/address.ts'
import { backupEmbedded } from '../storage/sqlite/backup.ts'
import type { Copied } from '../storage/sqlite/backup-files.ts'
import { restoreEmbedded } from '../storage/sqlite/restore.ts'
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

/** Copies what the embedded storage keeps into a folder, beside a running server too. Returns the exit status. */
export function backup(
  folder: string | undefined,
  sources: ConfigSources,
  console: Console,
): Promise<number> {
  return told(console, async () => {
    const { storage } = loadConfig(sources)
    refusePostgres(storage, 'pg_dump --format=custom --file=FILE')
    const target = resolve(expectPath(folder, 'backup'))
    const copied = await backupEmbedded(storage.dataDir, target)
    console.out(`The database and ${shownFiles(copied)} are copied to ${target}.`)
    if (storage.dataKey !== undefined) {
      console.out('What was said is encrypted in it: keep the DATA_KEY elsewhere.')
    }
  })
}

/** Puts a backup in the place of what the embedded storage keeps. Returns the exit status. */
export function restore(
  backup: string | undefined,
  sources: ConfigSources,
  { console, force }: { console: Console; force: boolean },
): Promise<number> {
  return told(console, async () => {
    const { storage } = loadConfig(sources)
    refusePostgres(storage, 'pg_restore --clean --if-exists')
    const source = resolve(expectPath(backup, 'restore'))
    const options = { force, nowMs: Date.now() }
    const { copied, kept } = await restoreEmbedded(storage.dataDir, source, options)
    console.out(
      copied
        ? `The database and ${shownFiles(copied)} of ${source} are in place.`
        : `${source} is now the database. It is a database alone: the uploaded files that were there stay.`,
    )
    for (const path of kept) console.out(`What was there before is kept as ${path}.`)
  })
}

function shownFiles({ files, bytes }: Copied): string {
  const mebibytes = (bytes / 1024 / 1024).toFixed(1)
  return `${files} uploaded file${files === 1 ? '' : 's'} (${mebibytes} MiB)`
}

async function told(console: Console, work: () => Promise<void>): Promise<number> {
  try {
    await work()
    return 0
  } catch (error) {
    // A disk that is full or not to be written to is told in the system's own words.
    const isTold = error instanceof TurnError || (error instanceof Error && 'syscall' in error)
    if (!isTold) throw error
    console.err(error.message)
    return 1
  }
}

function expectPath(path: string | undefined, command: string): string {
  if (path !== undefined) return path
  throw new TurnError('invalid_value', `Name the folder: \`claude-code-api ${command} FOLDER\``)
}

function refusePostgres({ databaseUrl }: Storage, command: string): void {
  if (databaseUrl === undefined) return
  const { schema } = readAddress(databaseUrl)
  throw new TurnError(
    'invalid_value',
    `DATABASE_URL is set, and Postgres has its own tools for this: \`${command} --schema=${schema}\` with the same database.`,
  )
}
