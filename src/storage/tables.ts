import type { KeyRow } from './parts/keys.ts'
import type { MeterRow, ReservationRow } from './parts/meters.ts'
import type { UsageRow } from './parts/usage.ts'

/**
 * Every table, for the types of queries. Each part owner adds one line here and keeps the shape of its rows in its own file under
 * `parts/`. Times are epoch milliseconds, money is millionths of a dollar, truth is 0 or 1, JSON is text.
 */
export interface Tables {
  schema_version: { version: number; name: string; applied_ms: number }
  /** Single values of the whole database, such as the check of `DATA_KEY`. */
  meta: { name: string; value: string }
  lease: { name: string; owner: string; until_ms: number }
  api_key: KeyRow
  key_meter: MeterRow
  usage_day: UsageRow
  key_reservation: ReservationRow
}
