import type { AnswerRow, ClearingRow } from './parts/answers.ts'
import type { BatchItemRow, BatchResultRow, BatchRow } from './parts/batches.ts'
import type { BreakerRow } from './parts/breakers.ts'
import type { FileChunkRow, FileRow } from './parts/files.ts'
import type { KeyRow } from './parts/keys.ts'
import type { SessionRow } from './parts/sessions.ts'
import type { MeterRow, ReservationRow } from './parts/meters.ts'
import type { TranscriptRow } from './parts/transcripts.ts'
import type { UsageRow } from './parts/usage.ts'
import type { WebhookRow } from './parts/webhooks.ts'

/**
 * Every table, for the types of queries. Each part owner adds one line here and keeps the shape of its rows in its own file under
 * `parts/`. Times are epoch milliseconds, money is millionths of a dollar, truth is 0 or 1, JSON is text.
 */
export interface Tables {
  schema_version: { version: number; name: string; applied_ms: number }
  /** Single values of the whole database, such as the check of `DATA_KEY`. */
  meta: { name: string; value: string }
  answer: AnswerRow
  answer_clearing: ClearingRow
  batch: BatchRow
  batch_item: BatchItemRow
  batch_result: BatchResultRow
  breaker: BreakerRow
  file: FileRow
  file_chunk: FileChunkRow
  lease: { name: string; owner: string; until_ms: number }
  api_key: KeyRow
  session: SessionRow
  transcript: TranscriptRow
  key_meter: MeterRow
  usage_day: UsageRow
  key_reservation: ReservationRow
  webhook: WebhookRow
}
