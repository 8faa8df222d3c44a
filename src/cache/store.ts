import { LRUCache } from 'lru-cache'
import { type Recording, sizeOf } from './recording.ts'

export type StoreLimits = {
  entries: number
  bytes: number
  /** How long an answer is given again. */
  keepMs: number
}

/** An answer that is kept, and whose it is. */
export type Entry = Recording & {
  key: string
  scope: string
  storedMs: number
  bytes: number
  hits: number
}

/** What the cache did for one scope. */
export type Counts = { hits: number; misses: number; shared: number; savedTokens: number }

/** Keeps recordings within bounds of number, memory and time; the least recently used goes first. */
export class CacheStore {
  readonly limits: StoreLimits
  readonly #now: () => number
  readonly #entries: LRUCache<string, Entry>
  readonly #counts = new Map<string, Counts>()

  /** `now` is Unix time in milliseconds. */
  constructor(limits: StoreLimits, now: () => number) {
    this.limits = limits
    this.#now = now
    this.#entries = new LRUCache({
      max: limits.entries,
      maxSize: limits.bytes,
      maxEntrySize: this.largestEntry,
      sizeCalculation: ({ bytes }) => bytes,
      ttl: limits.keepMs,
      ttlResolution: 0,
      perf: { now },
    })
  }

  /** One answer may not drive out all the others. */
  get largestEntry(): number {
    return Math.max(1, Math.floor(this.limits.bytes / 8))
  }

  /** The entry, unless it is older than the caller allows. */
  get(key: string, maxAgeMs = Infinity): (Entry & { ageMs: number }) | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    const ageMs = this.#now() - entry.storedMs
    if (ageMs > maxAgeMs) return undefined
    entry.hits += 1
    return { ...entry, ageMs }
  }

  /** The entry without counting as a use. */
  peek(key: string): Entry | undefined {
    return this.#entries.peek(key)
  }

  /** `storedMs`: when it was answered, where that was not now. */
  put(scope: string, key: string, recording: Recording, storedMs = this.#now()): void {
    const bytes = recording.events.reduce((sum, event) => sum + sizeOf(event), key.length * 2)
    const ttl = this.limits.keepMs - (this.#now() - storedMs)
    if (ttl > 0)
      this.#entries.set(key, { ...recording, key, scope, bytes, hits: 0, storedMs }, { ttl })
  }

  count(scope: string, what: 'hits' | 'misses' | 'shared', savedTokens = 0): void {
    const counts = this.countsOf(scope)
    counts[what] += 1
    counts.savedTokens += savedTokens
    this.#counts.set(scope, counts)
  }

  countsOf(scope: string): Counts {
    return this.#counts.get(scope) ?? { hits: 0, misses: 0, shared: 0, savedTokens: 0 }
  }

  /** A scope's entries, the most recently used first. */
  list(scope: string): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.scope === scope)
  }

  /** Forgets a scope's entries, or one of them, as far as they are not younger; returns how many there were. */
  clear(scope: string, key?: string, storedUntilMs = Infinity): number {
    const found = this.list(scope).filter(
      (entry) => (key === undefined || entry.key === key) && entry.storedMs <= storedUntilMs,
    )
    for (const entry of found) this.#entries.delete(entry.key)
    return found.length
  }

  /** Forgets what is too old to be given again. */
  clean(): void {
    this.#entries.purgeStale()
  }
}
