import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Connection } from '../database.ts'
import { unavailable } from '../failures.ts'
import type { Tables } from '../tables.ts'
import { readAddress } from './address.ts'
import { isConflict, postgresFailure } from './failures.ts'
import { migratePostgres } from './migrate.ts'
import { Places } from './places.ts'

export type PostgresOptions = {
  /** `postgres://user:password@host/database?schema=…`. */
  url: string
  /** So many are open at the most. */
  connections: number
  /** An idle connection was lost: whoever asks next may find the server gone. */
  onLost?: (error: unknown) => void
}

/** As long as one statement may take. */
const patienceMs = 30_000

/**
 * Connects to a Postgres and brings its schema up to date. Throws `storage_unavailable` when it cannot be reached, a `StorageRefusal` when a
 * newer program has used it. Lost connections are replaced by themselves.
 */
export async function openPostgres({
  url,
  connections,
  onLost,
}: PostgresOptions): Promise<Connection> {
  const { connectionString, schema } = readAddress(url)
  const types = new pg.TypeOverrides()
  // Numbers beyond 2^53 do not occur: times are milliseconds and money is millionths.
  types.setTypeParser(pg.types.builtins.INT8, Number)
  const pool = new pg.Pool({
    connectionString,
    max: connections,
    application_name: 'claude-code-api',
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    query_timeout: 35_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    types,
  })
  // Without a listener a lost idle connection would end the process, and so would one that is lost in use, of which the pool does not tell.
  pool.on('error', (error) => onLost?.(postgresFailure(error)))
  pool.on('connect', (client) => client.on('error', () => {}))
  try {
    await migratePostgres(pool, schema)
  } catch (error) {
    await pool.end()
    throw postgresFailure(error)
  }
  return connectionOver(pool, schema, new Places(connections))
}

function connectionOver(pool: pg.Pool, schema: string, places: Places): Connection {
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  const queries = kysely.withSchema(schema)
  const running = new Set<Promise<unknown>>()
  let isClosed = false
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isClosed) throw unavailable('it has been closed.')
    const promise = inPlace(places, work)
    running.add(promise)
    try {
      return await promise
    } catch (error) {
      throw postgresFailure(error)
    } finally {
      running.delete(promise)
    }
  }
  return {
    engine: 'postgres',
    read: (work) => run(() => work(queries)),
    write: (work) =>
      run(() =>
        again(() =>
          kysely.transaction().execute((transaction) => work(transaction.withSchema(schema))),
        ),
      ),
    probe: () => run(async () => void (await pool.query('select 1'))),
    async close() {
      if (isClosed) return
      isClosed = true
      await Promise.allSettled(running)
      await kysely.destroy()
    },
  }
}

/** The pool's own patience is that for a server that cannot be reached; whoever only waits for a connection may wait longer. */
async function inPlace<T>(places: Places, work: () => Promise<T>): Promise<T> {
  const leave = await places.take(patienceMs)
  if (leave === undefined) {
    throw unavailable(
      'all connections to Postgres were busy for 30 seconds; it is slow, or DATABASE_CONNECTIONS is too low.',
    )
  }
  try {
    return await work()
  } finally {
    leave()
  }
}

/** Two transactions may wait for each other; Postgres then ends one, which is done again. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let triesLeft = 4; ; triesLeft--) {
    try {
      return await work()
    } catch (error) {
      if (!isConflict(error) || triesLeft === 0) throw error
    }
  }
}
