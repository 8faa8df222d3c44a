import { KeyBook } from './access/keys.ts'
import type { BatchBook } from './batch/batch-book.ts'
import type { Config } from './config/config.ts'
import type { LaterStorage } from './later-storage.ts'
import type { Records } from './records.ts'
import { cleanSessions } from './sessions.ts'
import type { Cleaner } from './storage/cleaner.ts'
import type { SessionPlace } from './storage/parts/sessions.ts'

export type RetentionParts = {
  storage: Pick<LaterStorage, 'open'>
  records: Pick<Records, 'files' | 'responses' | 'usage' | 'limiter'>
  batches: Pick<BatchBook, 'clean'>
  /** Removes all that is known of a session. */
  forget: (session: SessionPlace) => Promise<boolean>
}

/** How soon what has expired is gone: a file off the disk, a session that nobody has used, a response. */
const soonMs = 60_000
/** What is kept for days may be gone some minutes later. */
const recordsMs = 300_000
const dayMs = 24 * 3_600_000
/** A lease that nobody takes, and what was seen of a provider that is configured no more. */
const leaseKeepMs = dayMs
const breakerKeepMs = 30 * dayMs

/** What is removed when it is too old, each kind in its own time; docs/storage.md has the table. */
export function addRetention(
  cleaner: Pick<Cleaner, 'add'>,
  { retention, sessions, stored }: Config,
  { storage, records, batches, forget }: RetentionParts,
): void {
  const { files, usage, limiter, responses } = records
  cleaner.add({ name: 'files', everyMs: soonMs, run: () => files.clean() })
  cleaner.add({ name: 'responses', everyMs: soonMs, run: () => responses.clean() })
  // Most of what is left of a batch is removed at its end.
  cleaner.add({ name: 'batches', everyMs: soonMs, run: () => batches.clean() })
  cleaner.add({
    name: 'sessions',
    everyMs: soonMs,
    run: () => cleanSessions(storage.open, forget, Date.now() - sessions.keepMs),
  })
  if (stored) {
    const run = (): Promise<void> => cleanStored(storage, stored.keepMs)
    cleaner.add({ name: 'completions', everyMs: soonMs, run })
  }
  cleaner.add({ name: 'usage', everyMs: recordsMs, run: () => usage.clean(retention.usageKeepMs) })
  cleaner.add({
    name: 'keys',
    everyMs: recordsMs,
    run: async () => {
      const { keys } = await storage.open
      await limiter.clean()
      await new KeyBook(keys).clean(retention.keyKeepMs)
    },
  })
  cleaner.add({ name: 'leftovers', everyMs: recordsMs, run: () => cleanLeftovers(storage) })
}

async function cleanStored({ open }: RetentionParts['storage'], keepMs: number): Promise<void> {
  const { completions } = await open
  const before = Date.now() - keepMs
  while ((await completions.removeOlder(before)) > 0) continue
}

async function cleanLeftovers({ open }: RetentionParts['storage']): Promise<void> {
  const { leases, breakers } = await open
  await leases.clean(leaseKeepMs)
  await breakers.clean(Date.now() - breakerKeepMs)
}
