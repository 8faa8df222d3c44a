import { cached, scopeOf } from './cache/cached.ts'
import { Repeats } from './cache/repeats.ts'
import { CacheStore, type Entry } from './cache/store.ts'
import type { Config } from './config/config.ts'
import type { CacheParts, WrittenHit } from './http/parts.ts'
import type { Disposal } from './lib/disposal.ts'
import type { Backend } from './turn/backend.ts'

/** Puts the cache in front of a backend, and starts its cleaner. What is opened is closed with `parts`. */
export function createCache(
  config: Config['cache'],
  backend: Backend,
  parts: Disposal,
): { backend: Backend; admin: CacheParts } {
  const store = new CacheStore(config.limits, Date.now)
  const repeats = new Repeats<WrittenHit['facts']>(store)
  const cleaner = setInterval(() => store.clean(), config.cleanMs)
  cleaner.unref()
  parts.defer(() => clearInterval(cleaner))
  return {
    backend: cached(backend, store, config),
    admin: {
      report: (owner) => report(store, config, owner, Date.now()),
      find: (owner, path, bytes) => repeats.find(owner, path, bytes),
      keep: (owner, path, bytes, hit) => repeats.keep(owner, path, bytes, hit),
      clear: (owner, key) => store.clear(scopeOf(owner, config), key),
    },
  }
}

function report(
  store: CacheStore,
  config: Config['cache'],
  owner: string,
  nowMs: number,
): Record<string, unknown> {
  const scope = scopeOf(owner, config)
  const entries = store.list(scope)
  const { hits, misses, shared, savedTokens } = store.countsOf(scope)
  return {
    object: 'cache',
    mode: config.isDefault ? 'exact' : 'off',
    owner,
    shared_owners: config.sharedOwners.includes(owner) ? config.sharedOwners : [],
    entries: entries.length,
    bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
    limits: {
      entries: config.limits.entries,
      bytes: config.limits.bytes,
      seconds: config.limits.keepMs / 1000,
    },
    hits,
    misses,
    shared,
    saved_tokens: savedTokens,
    data: entries.map((entry) => shown(entry, config.limits.keepMs, nowMs)),
  }
}

/** What was asked and answered is not shown: only how much, by whom, and how old it is. */
function shown(
  { key, provider, model, storedMs, bytes, hits, tokens }: Entry,
  keepMs: number,
  nowMs: number,
): Record<string, unknown> {
  const age = Math.floor((nowMs - storedMs) / 1000)
  return {
    key,
    provider,
    model,
    created: Math.floor(storedMs / 1000),
    age,
    expires_in: Math.max(0, Math.floor((storedMs + keepMs - nowMs) / 1000)),
    bytes,
    hits,
    tokens,
  }
}
