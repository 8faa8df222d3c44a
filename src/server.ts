import { createCache } from './answer-cache.ts'
import type { Answering } from './answering.ts'
import type { Config } from './config/config.ts'
import { Limiter } from './access/limits.ts'
import { KeyBook } from './access/keys.ts'
import { UsageBook } from './access/usage.ts'
import { hasKeysFlag } from './access/has-keys.ts'
import { KeyRing } from './access/key-ring.ts'
import { openBatches } from './batches.ts'
import { FileBook } from './files/file-book.ts'
import { addRetention } from './retention.ts'
import { cleanSessions, createSessions } from './sessions.ts'
import { createApp } from './http/app.ts'
import type { HttpParts } from './http/parts.ts'
import { ResponseBook } from './responses/response-book.ts'
import { deferred } from './lib/deferred.ts'
import { type Disposal, disposal } from './lib/disposal.ts'
import { createSeal } from './lib/seal.ts'
import { later } from './routing/later.ts'
import { all } from './telemetry/all.ts'
import { Cleaner } from './storage/cleaner.ts'
import type { Store, StoreHealth } from './storage/store.ts'
import type { Telemetry } from './telemetry/events.ts'
import { createMetrics } from './telemetry/metrics.ts'
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
  let store: Store | undefined
  // Whatever was opened after it may write until its own end.
  parts.defer(() => store?.close())
  parts.defer(() => answeringParts.dispose())
  const opening = deferred<Answering>()
  const storing = deferred<Store>()
  storing.promise.catch(() => {})
  // Whoever starts the server hears of a failure below.
  opening.promise.catch(() => {})
  try {
    let answering: Answering | undefined
    const backend = later(opening.promise.then((opened) => opened.backend))
    const shutdown = new AbortController()
    const metrics = createMetrics()
    const telemetry = all(log, metrics.telemetry)
    const cleaner = new Cleaner({
      leases: () => store?.leases,
      onFault: (error) => telemetry.fault(error),
    })
    parts.defer(() => cleaner.close())
    const cache = createCache(config.cache, backend, { parts, cleaner }, () => store)
    const files = new FileBook({
      storage: storing.promise,
      limitBytes: config.files.uploadLimitBytes,
      ...(config.files.keepMs !== undefined && { keepMs: config.files.keepMs }),
      keyKeepMs: config.retention.keyKeepMs,
    })
    const usage = usageOver(storing.promise, parts)
    const limiter = limiterOver(storing.promise, telemetry, parts)
    addRetention(cleaner, config.retention, { storing: storing.promise, files, usage, limiter })
    const responses = new ResponseBook({
      storage: storing.promise,
      keepMs: config.responses.keepMs,
    })
    cleaner.add({ name: 'responses', everyMs: cleanResponsesMs, run: () => responses.clean() })
    const forget: Answering['forgetSession'] = async (session) =>
      (await opening.promise).forgetSession(session)
    const cleanSessionsNow = (): Promise<void> =>
      cleanSessions(storing.promise, forget, Date.now() - config.sessions.keepMs)
    cleaner.add({ name: 'sessions', everyMs: cleanSessionsMs, run: cleanSessionsNow })
    const stored = storedOver(config, storing.promise, () => store)
    if (stored) {
      const run = (): Promise<void> => cleanStored(stored, config)
      cleaner.add({ name: 'completions', everyMs: cleanStoredMs, run })
    }
    const keys = keyRing(config, storing.promise)
    const batches = openBatches(config, { storing: storing.promise, files, keys, telemetry }, () =>
      answering?.readiness(),
    )
    cleaner.add({ name: 'batches', everyMs: cleanBatchesMs, run: () => batches.book.clean() })
    const app = await createApp({
      options: { ...config.http, logContent: config.log.content },
      backend: cache.backend,
      cache: cache.admin,
      passthrough: async (endpoint) => (await opening.promise).passthrough(endpoint),
      models: { list: async () => (await opening.promise).models() },
      readiness: async () => ({ ...(answering?.readiness() ?? starting), ...storageOf(store) }),
      metrics: async () => ({
        contentType: metrics.contentType,
        text: await metrics.text(answering?.gauges(), answering?.providers()),
      }),
      files: {
        book: files,
        uploadLimitBytes: config.files.uploadLimitBytes,
        messageLimitBytes: config.engine.fileLimitBytes,
      },
      sessions: createSessions(storing.promise, forget),
      ...(stored && { stored }),
      responses,
      seal: createSeal(config.storage.dataKey),
      batches: batches.book,
      lines: batches.lines,
      storedKeys: keys,
      keyBook: async () => new KeyBook((await storing.promise).keys),
      usage,
      limiter,
      telemetry,
      shutdown: shutdown.signal,
    })
    // Lines of batches that run have the same time to end as other requests.
    parts.defer(() => Promise.all([app.close(), batches.close()]))
    batches.start(app)
    const url = await app.listen({ host: config.http.host, port: config.http.port })
    const openingStore = openStoreOf(config, telemetry).then((opened) => {
      store = opened
      storing.resolve(opened)
      return opened
    })
    const [{ openAnswering }, opened] = await Promise.all([import('./answering.ts'), openingStore])
    answering = await openAnswering(config, telemetry, answeringParts, opened)
    opening.resolve(answering)
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
    opening.reject(error)
    storing.reject(error)
    await parts.dispose()
    throw error
  }
}

async function openStoreOf(config: Config, telemetry: Telemetry): Promise<Store> {
  const { openStore } = await import('./storage/open-store.ts')
  return openStore({
    ...config.storage,
    onChange: ({ reason }) => telemetry.warning(reason ?? 'The storage can be used again.'),
  })
}

function limiterOver(storing: Promise<Store>, telemetry: Telemetry, parts: Disposal): Limiter {
  const meters = storing.then((store) => store.meters)
  meters.catch(() => {})
  const limiter = new Limiter({ meters, telemetry })
  parts.defer(() => limiter.close())
  return limiter
}

function usageOver(storing: Promise<Store>, parts: Disposal): UsageBook {
  const days = storing.then((store) => store.usage)
  days.catch(() => {})
  const book = new UsageBook(days)
  parts.defer(() => book.close())
  return book
}

/** Undefined where none are stored. */
function storedOver(
  config: Config,
  storing: Promise<Store>,
  store: () => Store | undefined,
): HttpParts['stored'] {
  if (!config.stored) return undefined
  return {
    completions: async () => (await storing).completions,
    isThere: () => store()?.health().ok ?? true,
  }
}

async function cleanStored(
  { completions }: NonNullable<HttpParts['stored']>,
  { stored }: Config,
): Promise<void> {
  const before = Date.now() - (stored?.keepMs ?? 0)
  const kept = await completions()
  while ((await kept.removeOlder(before)) > 0) continue
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

/** Requests may come before the storage is open. */
function keyRing(config: Config, storing: Promise<Store>): KeyRing {
  const keys = storing.then((store) => store.keys)
  keys.catch(() => {})
  return new KeyRing({
    keys,
    memory: hasKeysFlag(config.storage.dataDir),
    isShared: config.storage.databaseUrl !== undefined,
  })
}

/** Not being able to keep anything does not keep turns from being answered. */
function storageOf(store: Store | undefined): { storage?: { engine: string } & StoreHealth } {
  return store === undefined ? {} : { storage: { engine: store.engine, ...store.health() } }
}

/** How soon a session is gone that nobody has used for SESSION_KEEP_DAYS. */
const cleanSessionsMs = 60_000
/** And a response, for RESPONSE_KEEP_DAYS. */
const cleanResponsesMs = 60_000

/** Most of what is left of a batch is removed at its end. */
const cleanBatchesMs = 60_000
/** And a stored completion. */
const cleanStoredMs = 60_000

const starting = { ready: false, reasons: ['The server is starting.'] }
