/** What a provider's breaker did last, as far as others should know it: that somebody probes is that one's own business. */
export type SavedBreaker = {
  provider: string
  state: 'closed' | 'open' | 'paused'
  /** Unix time in milliseconds until which nothing is let through. */
  untilMs?: number
  /** The failure that opened or paused it: a code of `turn/error.ts`. */
  code?: string
  /** When it changed, by the clock of whoever saw it; the later one counts. */
  changedMs: number
}

/** The states of breakers, for the time after a restart and for other nodes. */
export interface Breakers {
  load(): Promise<SavedBreaker[]>
  /** Keeps a change unless a later one is known. */
  save(change: SavedBreaker): Promise<void>
  /** Forgets what changed last before a time. */
  clean(changedBeforeMs: number): Promise<void>
}

/** A row of the table `breaker`. */
export type BreakerRow = {
  provider: string
  state: string
  until_ms: number | null
  code: string | null
  changed_ms: number
}
