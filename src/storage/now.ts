import { type RawBuilder, sql } from 'kysely'
import type { DatabaseEngine } from './database.ts'

/** The database's own clock, in epoch milliseconds: the clocks of nodes differ. */
export function nowMs(engine: DatabaseEngine): RawBuilder<number> {
  return engine === 'sqlite'
    ? sql<number>`cast(unixepoch('subsec') * 1000 as integer)`
    : sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`
}
