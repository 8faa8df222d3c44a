import type { FastifyInstance } from 'fastify'
import type { KeyRing } from './access/key-ring.ts'
import { BatchBook } from './batch/batch-book.ts'
import { WebhookHosts } from './batch/webhooks/webhook-hosts.ts'
import { WebhookOutbox } from './batch/webhooks/webhook-outbox.ts'
import { BatchWorker } from './batch/worker.ts'
import type { Config } from './config/config.ts'
import type { FileBook } from './files/file-book.ts'
import { Lines } from './http/lines.ts'
import type { Readiness } from './http/parts.ts'
import type { Store } from './storage/store.ts'
import type { Telemetry } from './telemetry/events.ts'

export type BatchParts = {
  storing: Promise<Store>
  files: FileBook
  keys: KeyRing
  telemetry: Pick<Telemetry, 'fault' | 'webhookTried'>
}

/** Batches: what callers see of them, and what has their lines answered by the app itself. */
export function openBatches(
  config: Config,
  { storing, files, keys, telemetry }: BatchParts,
  readiness: () => Readiness | undefined,
) {
  const lines = new Lines()
  let worker: BatchWorker | undefined
  const { hosts, secret, allowPrivateNetwork } = config.batches.webhooks
  const webhookHosts = new WebhookHosts({ hosts, allowPrivateNetwork })
  const outbox = new WebhookOutbox({
    storage: storing,
    hosts: webhookHosts,
    telemetry,
    ...(secret !== undefined && { secret }),
  })
  const onChange = (): void => worker?.wake()
  const book = new BatchBook({
    storage: storing,
    files,
    webhookHosts,
    onChange,
    ...(config.batches.keepMs !== undefined && { keepMs: config.batches.keepMs }),
  })
  return {
    book,
    lines,
    start(app: Pick<FastifyInstance, 'inject'>): void {
      worker = new BatchWorker({
        storage: storing,
        files,
        dispatch: lines.dispatcher(app, ({ owner, keyId }) =>
          keyId === undefined ? { owner } : keys.ofKey(keyId),
        ),
        room: (running) => room(config.batches.concurrency, readiness()?.capacity, running),
        lineLimitBytes: config.http.bodyLimitBytes,
        onFault: (error) => telemetry.fault(error),
        onEnd: () => outbox.wake(),
      })
    },
    close: async (): Promise<void> => {
      await worker?.close()
      await outbox.close()
    },
  }
}

/**
 * How many lines may run: a share of the places, and of those only what live requests leave. A line that runs is not stopped; while somebody
 * waits, no other begins.
 */
function room(share: number | 'auto', capacity: Readiness['capacity'], running: number): number {
  if (capacity === undefined || capacity.queued > 0) return 0
  const { running: turns, limit } = capacity
  const most = share === 'auto' ? Math.max(1, Math.floor((limit * 3) / 4)) : share
  // Lines that have begun and have not reached their place yet count too.
  const free = limit - Math.max(turns, running)
  return Math.min(most, running + free)
}
