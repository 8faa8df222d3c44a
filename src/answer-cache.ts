import { cached, scopeOf } from './cache/cached.ts'
import { Repeats } from './cache/repeats.ts'
import { SavedAnswers } from './cache/saved.ts'
import { CacheStore } from './cache/store.ts'
import type { Config } from './config/config.ts'
import type { CacheParts, WrittenHit } from './http/parts.ts'
import type { Disposal } from './lib/disposal.ts'
import type { Cleaner } from './storage/cleaner.ts'
import type { AnswerSummary } from './storage/parts/answers.ts'
import type { Store } from './storage/store.ts'
import type { Backend } from './turn/backend.ts'

/** How soon a node forgets what was cleared on another. */
const followMs = 1_000

/** Puts the cache in front of a backend, and sees to it that it is cleaned. What is opened is closed with `parts`. */
export function createCache(
  config: Config['cache'],
  backend: Backend,
  { parts, cleaner }: { parts: Disposal; cleaner: Cleaner },
  storage: () => Pick<Store, 'engine' | 'answers'> | undefined,
): { backend: Backend; admin: CacheParts } {
  const store = new CacheStore(config.limits, Date.now)
  const repeats = new Repeats<WrittenHit['facts']>(store)
  const saved = new SavedAnswers(store, {
    answers: () => storage()?.answers,
    now: Date.now,
    isShared: () => storage()?.engine === 'postgres',
  })
  cleaner.add({ name: 'answers', everyMs: config.cleanMs, run: () => saved.clean() })
  for (const timer of [
    setInterval(() => store.clean(), config.cleanMs),
    setInterval(() => void saved.follow(), followMs),
  ]) {
    timer.unref()
    parts.defer(() => clearInterval(timer))
  }
  return {
    backend: cached(backend, store, config, saved),
    admin: {
      report: async (owner) => {
        const answers = await storage()
          ?.answers.list(scopeOf(owner, config))
          .catch(() => [])
        return report(store, config, owner, { nowMs: Date.now(), saved: answers ?? [] })
      },
      find: (owner, path, bytes) => repeats.find(owner, path, bytes),
      keep: (owner, path, bytes, hit) => repeats.keep(owner, path, bytes, hit),
      clear: (owner, key) => saved.clear(scopeOf(owner, config), key),
    },
  }
}

function report(
  store: CacheStore,
  config: Config['cache'],
  owner: string,
  { nowMs, saved }: { nowMs: number; saved: readonly AnswerSummary[] },
): Record<string, unknown> {
  const scope = scopeOf(owner, config)
  const inMemory = store.list(scope)
  const known = new Set(inMemory.map(({ key }) => key))
  const onlySaved = saved
    .filter(({ key, storedMs }) => !known.has(key) && nowMs - storedMs < config.limits.keepMs)
    .map((answer) => ({ ...answer, hits: 0 }))
  const entries = [...inMemory, ...onlySaved]
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
  { key, provider, model, storedMs, bytes, hits, tokens }: AnswerSummary & { hits: number },
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
