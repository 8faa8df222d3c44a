import type { Answers } from '../storage/parts/answers.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { CacheStore } from './store.ts'

export type SavingOptions = {
  /** Undefined until the storage is open. */
  answers: () => Answers | undefined
  /** Unix time in milliseconds. */
  now: () => number
  /** Whether other nodes use the same storage. */
  isShared: () => boolean
}

/** For `storage_unavailable`, of which the storage itself tells: a cache is allowed to forget. */
const quietly = (): undefined => undefined

/**
 * What the cache keeps beyond this process: answers survive a restart, and nodes share them. Memory is asked first and is what hits are given
 * from; storage is looked into once for each answer that memory does not have. Nothing fails with it.
 */
export class SavedAnswers {
  readonly #store: CacheStore
  readonly #options: SavingOptions
  #lookedMs: number

  constructor(store: CacheStore, options: SavingOptions) {
    this.#store = store
    this.#options = options
    this.#lookedMs = options.now()
  }

  /** Takes an answer of this scope from storage into memory, if there is one that is young enough. */
  async fetch(scope: string, key: string): Promise<void> {
    const nowMs = this.#options.now()
    const answer = await this.#options.answers()?.find(key, nowMs).catch(quietly)
    if (answer?.scope !== scope || nowMs - answer.storedMs >= this.#store.limits.keepMs) return
    const { provider, model, tokens, storedMs } = answer
    const events = eventsOf(answer.events)
    if (events) this.#store.put(scope, key, { provider, model, tokens, events }, storedMs)
  }

  /** Keeps what memory has under this key. */
  keep(key: string): void {
    const entry = this.#store.peek(key)
    if (!entry) return
    const { scope, provider, model, tokens, bytes, storedMs } = entry
    const events = JSON.stringify(entry.events)
    void this.#options
      .answers()
      ?.put({ key, scope, provider, model, tokens, bytes, storedMs, events })
      .catch(quietly)
  }

  /** Forgets a scope's answers, or one of them, everywhere; returns how many there were. Throws what the storage throws. */
  async clear(scope: string, key?: string): Promise<number> {
    const here = this.#store.clear(scope, key)
    const clearing = { scope, clearedMs: this.#options.now(), ...(key !== undefined && { key }) }
    const saved = (await this.#options.answers()?.clear(clearing)) ?? 0
    return Math.max(here, saved)
  }

  /** Removes from storage what is too old or too much. Throws what the storage throws. */
  async clean(): Promise<void> {
    const { entries, bytes, keepMs } = this.#store.limits
    const storedBeforeMs = this.#options.now() - keepMs
    await this.#options.answers()?.clean({ storedBeforeMs, entries, bytes })
  }

  /** Forgets here what was cleared on another node since the last look. */
  async follow(): Promise<void> {
    if (!this.#options.isShared()) return
    const nowMs = this.#options.now()
    // The clocks of nodes differ a little.
    const cleared = await this.#options
      .answers()
      ?.clearedSince(this.#lookedMs - clockSkewMs)
      .catch(quietly)
    if (!cleared) return
    for (const { scope, key, clearedMs } of cleared) this.#store.clear(scope, key, clearedMs)
    this.#lookedMs = nowMs
  }
}

const clockSkewMs = 10_000

/** What a newer program wrote may be no list. */
function eventsOf(text: string): TurnEvent[] | undefined {
  const events: unknown = JSON.parse(text)
  return Array.isArray(events) ? (events as TurnEvent[]) : undefined
}
