import { createCache } from './answer-cache.ts'
import { KeyBook } from './access/keys.ts'
import type { KeyRing } from './access/key-ring.ts'
import type { Answering } from './answering.ts'
import { openBatches } from './batches.ts'
import type { Config } from './config/config.ts'
import { createApp } from './http/app.ts'
import { type LaterStorage, laterStorage } from './later-storage.ts'
import { deferred } from './lib/deferred.ts'
import { type Disposal, disposal } from './lib/disposal.ts'
import { createSeal } from './lib/seal.ts'
import { openRecords } from './records.ts'
import { addRetention } from './retention.ts'
import { later } from './routing/later.ts'
import { createSessions } from './sessions.ts'
import { Cleaner } from './storage/cleaner.ts'
import type { Store, StoreHealth } from './storage/store.ts'
import { all } from './telemetry/all.ts'
import type { Telemetry } from './telemetry/events.ts'
import { type LaterMetrics, laterMetrics } from './telemetry/later-metrics.ts'
import { TurnError } from './turn/error.ts'

/** A server that listens; `close` lets running answers finish within the grace time, then ends everything. */
export type Server = {
  url: string
  /** Whether callers need a key, as of now. */
  needsKey: boolean
  close(): Promise<void>
}

/**
 * Puts the parts together: configuration in, a listening server out. It listens before what answers is loaded, so that `/health` is there
 * at once; requests wait for the rest.
 */
export async function startServer(config: Config, log: Telemetry): Promise<Server> {
  const parts = disposal()
  // Closed after the app: running answers need them until then.
  const answeringParts = disposal()
  const storage = laterStorage()
  // Whatever was opened after it may write until its own end.
  parts.defer(() => storage.close())
  parts.defer(() => answeringParts.dispose())
  const answering = laterAnswering()
  const shutdown = new AbortController()
  try {
    const metrics = laterMetrics()
    const telemetry = all(log, metrics.telemetry)
    const { app, keys, startBatches } = await assemble(config, {
      parts,
      storage,
      answering,
      telemetry,
      metrics,
      shutdown: shutdown.signal,
    })
    startBatches()
    const url = await app.listen({ host: config.http.host, port: config.http.port })
    const [{ openAnswering }, store] = await Promise.all([
      import('./answering.ts'),
      storage.start(config.storage, telemetry),
      metrics.load(),
    ])
    answering.resolve(await openAnswering(config, telemetry, answeringParts, store))
    return {
      url,
      needsKey: await needsKey(config, keys),
      async close() {
        const grace = setTimeout(
          () => shutdown.abort(new TurnError('shutting_down', 'The server is stopping.')),
          config.http.shutdownGraceMs,
        )
        await parts.dispose()
        clearTimeout(grace)
      },
    }
  } catch (error) {
    answering.reject(error)
    storage.fail(error)
    await parts.dispose()
    throw error
  }
}

type Assembly = {
  parts: Disposal
  storage: LaterStorage
  answering: ReturnType<typeof laterAnswering>
  telemetry: Telemetry
  metrics: LaterMetrics
  shutdown: AbortSignal
}

/** The app and all that stands behind it, over a storage and an engine that come later. */
async function assemble(config: Config, assembly: Assembly) {
  const { parts, storage, answering, telemetry, metrics, shutdown } = assembly
  const cleaner = new Cleaner({
    leases: () => storage.now()?.leases,
    onFault: (error) => telemetry.fault(error),
  })
  parts.defer(() => cleaner.close())
  const backend = later(answering.opened.then((opened) => opened.backend))
  const cache = createCache(config.cache, backend, { parts, cleaner }, storage.now)
  const records = openRecords(config, storage, { telemetry, parts })
  const { files, keys, responses, stored, usage, limiter } = records
  const storing = storage.open
  const batches = openBatches(config, { storing, files, keys, telemetry }, () =>
    answering.now()?.readiness(),
  )
  const forget: Answering['forgetSession'] = async (session) =>
    (await answering.opened).forgetSession(session)
  addRetention(cleaner, config, { storage, records, batches: batches.book, forget })
  const app = await createApp({
    options: { ...config.http, logContent: config.log.content },
    backend: cache.backend,
    cache: cache.admin,
    passthrough: async (endpoint) => (await answering.opened).passthrough(endpoint),
    models: { list: async () => (await answering.opened).models() },
    readiness: async () => ({
      ...(answering.now()?.readiness() ?? starting),
      ...storageOf(storage.now()),
    }),
    metrics: async () => {
      const { contentType, text } = await metrics.load()
      return {
        contentType,
        text: await text(answering.now()?.gauges(), answering.now()?.providers()),
      }
    },
    files: {
      book: files,
      uploadLimitBytes: config.files.uploadLimitBytes,
      messageLimitBytes: config.engine.fileLimitBytes,
    },
    sessions: createSessions(storing, forget),
    ...(stored && { stored }),
    responses,
    seal: createSeal(config.storage.dataKey),
    batches: batches.book,
    lines: batches.lines,
    storedKeys: keys,
    keyBook: async () => new KeyBook((await storing).keys),
    usage,
    limiter,
    telemetry,
    shutdown,
  })
  // Lines of batches that run have the same time to end as other requests.
  parts.defer(() => Promise.all([app.close(), batches.close()]))
  return { app, keys, startBatches: () => batches.start(app) }
}

/** What answers turns, for those who are there before it is. */
function laterAnswering() {
  const { promise: opened, resolve, reject } = deferred<Answering>()
  let answering: Answering | undefined
  // Whoever starts the server hears of a failure.
  opened.catch(() => {})
  return {
    opened,
    now: () => answering,
    resolve: (now: Answering) => {
      answering = now
      resolve(now)
    },
    reject,
  }
}

async function needsKey({ http }: Config, keys: KeyRing): Promise<boolean> {
  if (http.apiKey !== undefined) return true
  try {
    return await keys.asksForKey()
  } catch {
    // Whoever cannot know asks for one.
    return true
  }
}

/** Not being able to keep anything does not keep turns from being answered. */
function storageOf(store: Store | undefined): { storage?: { engine: string } & StoreHealth } {
  return store === undefined ? {} : { storage: { engine: store.engine, ...store.health() } }
}

const starting = { ready: false, reasons: ['The server is starting.'] }
