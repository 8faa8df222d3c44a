import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** Queries over all tables; inside `write` those of one transaction. */
export type Queries = Kysely<Tables>

export type DatabaseEngine = 'sqlite' | 'postgres'

export type StoreHealth = { ok: boolean; /** Why not, for people. */ reason?: string }

/**
 * What queries are made with, on either engine. Both functions throw `storage_unavailable` while the database cannot be used.
 */
export type Database = {
  readonly engine: DatabaseEngine
  /** Queries that change nothing; each sees what was committed before it. */
  read<T>(work: (queries: Queries) => Promise<T>): Promise<T>
  /**
   * One transaction: when `work` throws, nothing of it is kept; when the promise resolves, it is on the disk. `work` waits for nothing but
   * its own queries, changes 500 rows at the most, and does nothing that must not be done twice: Postgres may have it run again.
   */
  write<T>(work: (queries: Queries) => Promise<T>): Promise<T>
}

/** An open database. */
export type Connection = Database & {
  /** Throws what is wrong when nothing could be written now. */
  probe(): Promise<void>
  /** Waits for what is under way. */
  close(): Promise<void>
}
