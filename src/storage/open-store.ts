import type { Connection, StoreHealth } from './database.ts'
import { blobFolder, createDiskBlobs } from './disk-blobs.ts'
import { type LastingDatabase, openLasting } from './lasting.ts'
import { createAnswers } from './queries/answers.ts'
import { createBatches } from './queries/batches.ts'
import { createBreakers } from './queries/breakers.ts'
import { createFiles } from './queries/files.ts'
import { createKeys } from './queries/keys.ts'
import { createLeases } from './queries/leases.ts'
import { createRowBlobs } from './row-blobs.ts'
import { createSessions } from './queries/sessions.ts'
import { createSealer, expectKey, type Sealer } from './sealer.ts'
import { createMeters } from './queries/meters.ts'
import { createTranscripts } from './queries/transcripts.ts'
import { createUsage } from './queries/usage.ts'
import { createWebhooks } from './queries/webhooks.ts'
import type { Store } from './store.ts'

export type StoreOptions = {
  /** Absolute; the embedded database is in its folder `state`. */
  dataDir: string
  /** A Postgres to use instead of the embedded database. */
  databaseUrl?: string
  /** The most connections to it; 10 where nobody says. */
  databaseConnections?: number
  /** What content is encrypted with. */
  dataKey?: string
  /** A server has the data folder for itself (the default); a command works beside it. */
  instance?: 'server' | 'command'
  /** Told once when the storage stops working, and once when it works again. */
  onChange?: (health: StoreHealth) => void
}

/**
 * Opens what is kept. Where it cannot be used now (a full disk, a Postgres that is away), the store opens all the same, says so in `health`,
 * and tries again. Throws a `StorageRefusal` when another server has the folder or a newer program has used the data.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const sealer = await createSealer(options.dataKey)
  const { dataDir } = options
  const database = await openDatabase(options, sealer)
  // A Postgres is shared, and its nodes share the cache.
  if (database.engine === 'postgres') return storeOver(database, { sealer, dataDir })
  const { openAnswersApart } = await import('./sqlite/answers-apart.ts')
  const answers = openAnswersApart(dataDir, sealer)
  return {
    ...storeOver(database, { sealer, dataDir }),
    answers,
    async close() {
      await answers.close()
      await database.close()
    },
  }
}

/** The parts over an open database. */
export function storeOver(
  database: LastingDatabase,
  { sealer, dataDir }: { sealer: Sealer; dataDir: string },
): Store {
  return {
    engine: database.engine,
    health: () => database.health(),
    answers: createAnswers(database, sealer),
    batches: createBatches(database, sealer),
    breakers: createBreakers(database),
    files: createFiles(database),
    // Nodes that share a Postgres share no disk.
    blobs:
      database.engine === 'postgres'
        ? createRowBlobs(database, sealer)
        : createDiskBlobs(blobFolder(dataDir), sealer),
    leases: createLeases(database),
    keys: createKeys(database),
    sessions: createSessions(database, sealer),
    transcripts: createTranscripts(database, sealer),
    meters: createMeters(database),
    usage: createUsage(database),
    webhooks: createWebhooks(database, sealer),
    close: () => database.close(),
  }
}

/** The database under the store; each engine is loaded only where it is used. */
export async function openDatabase(
  options: StoreOptions,
  given?: Sealer,
): Promise<LastingDatabase> {
  const { dataDir, databaseUrl, databaseConnections = 10, instance = 'server', onChange } = options
  const sealer = given ?? (await createSealer(options.dataKey))
  const told = onChange === undefined ? {} : { onChange }
  const checked = async (opening: Promise<Connection>): Promise<Connection> => {
    const connection = await opening
    try {
      await expectKey(connection, sealer, options.dataKey !== undefined)
      return connection
    } catch (error) {
      await connection.close()
      throw error
    }
  }
  if (databaseUrl === undefined) {
    const { openEmbedded } = await import('./sqlite/embedded.ts')
    return openLasting({
      engine: 'sqlite',
      open: () => checked(openEmbedded({ dataDir, instance })),
      ...told,
    })
  }
  const { openPostgres } = await import('./postgres/postgres.ts')
  return openLasting({
    engine: 'postgres',
    open: (onLost) =>
      checked(openPostgres({ url: databaseUrl, connections: databaseConnections, onLost })),
    ...told,
  })
}
