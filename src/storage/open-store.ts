import type { StoreHealth } from './database.ts'
import { type LastingDatabase, openLasting } from './lasting.ts'
import { createKeys } from './queries/keys.ts'
import { createLeases } from './queries/leases.ts'
import { createMeters } from './queries/meters.ts'
import { createUsage } from './queries/usage.ts'
import type { Store } from './store.ts'

export type StoreOptions = {
  /** Absolute; the embedded database is in its folder `state`. */
  dataDir: string
  /** A Postgres to use instead of the embedded database. */
  databaseUrl?: string
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
  return storeOver(await openDatabase(options))
}

/** The parts over an open database. */
export function storeOver(database: LastingDatabase): Store {
  return {
    engine: database.engine,
    health: () => database.health(),
    leases: createLeases(database),
    keys: createKeys(database),
    meters: createMeters(database),
    usage: createUsage(database),
    close: () => database.close(),
  }
}

/** The database under the store; each engine is loaded only where it is used. */
export async function openDatabase(options: StoreOptions): Promise<LastingDatabase> {
  const { dataDir, databaseUrl, instance = 'server', onChange } = options
  const told = onChange === undefined ? {} : { onChange }
  if (databaseUrl === undefined) {
    const { openEmbedded } = await import('./sqlite/embedded.ts')
    return openLasting({
      engine: 'sqlite',
      open: () => openEmbedded({ dataDir, instance }),
      ...told,
    })
  }
  const { openPostgres } = await import('./postgres/postgres.ts')
  return openLasting({
    engine: 'postgres',
    open: (onLost) => openPostgres({ url: databaseUrl, onLost }),
    ...told,
  })
}
