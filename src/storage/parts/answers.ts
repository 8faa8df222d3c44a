/** An answer of the cache, without what was said. Times are epoch milliseconds. */
export type AnswerSummary = {
  key: string
  /** Whose answers it is among. */
  scope: string
  provider: string
  model: string
  tokens: number
  /** Roughly, in memory. */
  bytes: number
  storedMs: number
}

/** With its events, as JSON. */
export type SavedAnswer = AnswerSummary & { events: string }

/** Answers that were forgotten on purpose: all of a scope, or one. */
export type Clearing = { scope: string; key?: string; clearedMs: number }

/** The cache's answers, for the time after a restart and for other nodes. */
export interface Answers {
  /** Counts as a use. */
  find(key: string, nowMs: number): Promise<SavedAnswer | undefined>
  put(answer: SavedAnswer): Promise<void>
  /** The newest of a scope, 1,000 at the most. */
  list(scope: string): Promise<AnswerSummary[]>
  /** Forgets a scope's answers, or one of them; returns how many there were. */
  clear(clearing: Clearing): Promise<number>
  /** What was cleared from this time on, here or on another node. */
  clearedSince(ms: number): Promise<Clearing[]>
  /** Removes what was stored before this time, and the least recently used beyond the limits. */
  clean(limits: { storedBeforeMs: number; entries: number; bytes: number }): Promise<void>
}

/** A row of the table `answer`. */
export type AnswerRow = {
  key: string
  scope: string
  provider: string
  model: string
  tokens: number
  bytes: number
  stored_ms: number
  used_ms: number
  events: string
}

/** A row of the table `answer_clearing`; an empty key is all of them. */
export type ClearingRow = { scope: string; key: string; cleared_ms: number }
