import { KeyBook } from './access/keys.ts'
import type { Limiter } from './access/limits.ts'
import type { UsageBook } from './access/usage.ts'
import type { Config } from './config/config.ts'
import type { FileBook } from './files/file-book.ts'
import type { Cleaner } from './storage/cleaner.ts'
import type { Store } from './storage/store.ts'

export type RetentionParts = {
  storing: Promise<Pick<Store, 'keys' | 'leases' | 'breakers'>>
  files: FileBook
  usage: UsageBook
  limiter: Limiter
}

/** How soon a file that has expired is off the disk. */
const filesMs = 60_000
/** What is kept for days may be gone some minutes later. */
const recordsMs = 300_000
const dayMs = 24 * 3_600_000
/** A lease that nobody takes, and what was seen of a provider that is configured no more. */
const leaseKeepMs = dayMs
const breakerKeepMs = 30 * dayMs

/** What is removed when it is too old, each kind in its own time; docs/storage.md has the table. */
export function addRetention(
  cleaner: Pick<Cleaner, 'add'>,
  { usageKeepMs, keyKeepMs }: Config['retention'],
  { storing, files, usage, limiter }: RetentionParts,
): void {
  cleaner.add({ name: 'files', everyMs: filesMs, run: () => files.clean() })
  cleaner.add({ name: 'usage', everyMs: recordsMs, run: () => usage.clean(usageKeepMs) })
  cleaner.add({
    name: 'keys',
    everyMs: recordsMs,
    run: async () => {
      const { keys } = await storing
      await limiter.clean()
      await new KeyBook(keys).clean(keyKeepMs)
    },
  })
  cleaner.add({
    name: 'leftovers',
    everyMs: recordsMs,
    run: async () => {
      const { leases, breakers } = await storing
      await leases.clean(leaseKeepMs)
      await breakers.clean(Date.now() - breakerKeepMs)
    },
  })
}
