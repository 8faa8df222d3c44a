import { hasKeysFlag } from './access/has-keys.ts'
import { KeyRing } from './access/key-ring.ts'
import { Limiter } from './access/limits.ts'
import { UsageBook } from './access/usage.ts'
import type { Config } from './config/config.ts'
import { FileBook } from './files/file-book.ts'
import type { HttpParts } from './http/parts.ts'
import type { Disposal } from './lib/disposal.ts'
import { ResponseBook } from './responses/response-book.ts'
import type { LaterStorage } from './later-storage.ts'
import type { Telemetry } from './telemetry/events.ts'

/** What the server keeps of its callers: their files and answers, their keys, and what they have used. */
export type Records = {
  files: FileBook
  responses: ResponseBook
  /** Undefined where no completions are stored. */
  stored: HttpParts['stored']
  keys: KeyRing
  usage: UsageBook
  limiter: Limiter
}

/** Opens them over a storage that may still be opening: requests wait for it where they need it. */
export function openRecords(
  config: Config,
  storage: LaterStorage,
  { telemetry, parts }: { telemetry: Telemetry; parts: Disposal },
): Records {
  const days = storage.part('usage')
  const usage = new UsageBook(days)
  parts.defer(() => usage.close())
  const limiter = new Limiter({ meters: storage.part('meters'), telemetry })
  parts.defer(() => limiter.close())
  return {
    files: new FileBook({
      storage: storage.open,
      limitBytes: config.files.uploadLimitBytes,
      ...(config.files.keepMs !== undefined && { keepMs: config.files.keepMs }),
      keyKeepMs: config.retention.keyKeepMs,
    }),
    responses: new ResponseBook({ storage: storage.open, keepMs: config.responses.keepMs }),
    stored: config.stored && {
      completions: async () => (await storage.open).completions,
      isThere: () => storage.now()?.health().ok ?? true,
    },
    keys: new KeyRing({
      keys: storage.part('keys'),
      memory: hasKeysFlag(config.storage.dataDir),
      isShared: config.storage.databaseUrl !== undefined,
    }),
    usage,
    limiter,
  }
}
