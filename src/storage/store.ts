import type { DatabaseEngine, StoreHealth } from './database.ts'
import type { Answers } from './parts/answers.ts'
import type { Batches } from './parts/batches.ts'
import type { Breakers } from './parts/breakers.ts'
import type { Blobs, Files } from './parts/files.ts'
import type { Keys } from './parts/keys.ts'
import type { StoredLeases } from './parts/leases.ts'
import type { Sessions } from './parts/sessions.ts'
import type { Meters } from './parts/meters.ts'
import type { Transcripts } from './parts/transcripts.ts'
import type { UsageDays } from './parts/usage.ts'
import type { Webhooks } from './parts/webhooks.ts'

export type { DatabaseEngine, StoreHealth } from './database.ts'

/**
 * What is kept: one narrow part for each kind of record. While the database cannot be used, every part throws `storage_unavailable`, and
 * works again by itself.
 */
export type Store = {
  readonly engine: DatabaseEngine
  /** As of the last use or look; never waits. */
  health(): StoreHealth
  readonly answers: Answers
  readonly batches: Batches
  readonly breakers: Breakers
  readonly files: Files
  readonly blobs: Blobs
  readonly leases: StoredLeases
  readonly keys: Keys
  readonly sessions: Sessions
  readonly transcripts: Transcripts
  readonly meters: Meters
  readonly usage: UsageDays
  readonly webhooks: Webhooks
  /** Waits for what is under way. */
  close(): Promise<void>
}
