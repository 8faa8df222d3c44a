import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { CacheStore } from './store.ts'

/** A hit as it was written once: what of it does not change from one caller to the next. */
export type WrittenHit<Facts> = {
  /** Of the entry that it was made of. */
  key: string
  headers: Record<string, string>
  /** The pieces around the answer's id, which is another one each time. */
  body: readonly string[]
  facts: Facts
}

type Kept<Facts> = WrittenHit<Facts> & { storedMs: number }

/** Hits are worth remembering only where they are many and small. In characters. */
const longestBody = 256 * 1024
const mostCharacters = 16 * 1024 * 1024
/** What a piece takes besides its text, roughly. */
const ownCharacters = 16

/**
 * Hits by the very bytes of their requests: who sends the same bytes again gets the same answer without anything being read anew. An entry
 * that is gone, or was replaced, takes what was made of it along.
 */
export class Repeats<Facts> {
  readonly #store: CacheStore
  readonly #kept: LRUCache<string, Kept<Facts>>

  constructor(store: CacheStore) {
    this.#store = store
    this.#kept = new LRUCache({
      max: store.limits.entries,
      maxSize: mostCharacters,
      maxEntrySize: longestBody,
      sizeCalculation: ({ body }) =>
        body.reduce((size, piece) => size + piece.length + ownCharacters, 1_000),
    })
  }

  /** The hit for these bytes of this owner at this path, and how old its answer is. */
  find(
    owner: string,
    path: string,
    bytes: Uint8Array,
  ): (WrittenHit<Facts> & { ageMs: number }) | undefined {
    if (this.#kept.size === 0) return undefined
    const name = nameOf(owner, path, bytes)
    const kept = this.#kept.get(name)
    if (!kept) return undefined
    const entry = this.#store.get(kept.key)
    if (entry?.storedMs !== kept.storedMs) {
      this.#kept.delete(name)
      return undefined
    }
    this.#store.count(entry.scope, 'hits', entry.tokens)
    return { ...kept, ageMs: entry.ageMs }
  }

  keep(owner: string, path: string, bytes: Uint8Array, hit: WrittenHit<Facts>): void {
    const storedMs = this.#store.peek(hit.key)?.storedMs
    if (storedMs === undefined) return
    this.#kept.set(nameOf(owner, path, bytes), { ...hit, storedMs })
  }
}

function nameOf(owner: string, path: string, bytes: Uint8Array): string {
  return createHash('sha256').update(`${owner}\n${path}\n`).update(bytes).digest('base64')
}
