import type { ClaudeProcess } from './claude-process.ts'

/** By what a kept process is found again; see conversation-key.ts. */
export type LiveKeys = {
  /** The conversation as the caller will send it back. */
  conversation?: string
  /** The seals of the thinking in it: a process that is asked for with others does not have what the caller sends. */
  seals?: readonly string[]
  /** The session, for callers that name it. */
  session: string
}

export type LiveOptions = {
  /** How many processes are kept at once. */
  places: number
  /** How long one is kept, in milliseconds. */
  keepMs: number
}

/** What is known of a conversation whose process is kept. */
export type LiveFacts = {
  sessionId: string
  keys: LiveKeys
  /** Absent where the process may not begin another conversation: only one of this profile may ever have it. */
  profile?: string
  /** The conversation is empty: nobody will miss it. */
  isEmpty?: boolean
}

/** What is asked of a process that is kept. */
type Keepable = Pick<ClaudeProcess, 'alive' | 'close'>

type Live<Process> = LiveFacts & { process: Process; timer: NodeJS.Timeout }

/**
 * Processes whose turn has ended well, kept for a while because the next question, or the results of the caller's tools, usually
 * come soon. Each is taken at most once; the least recently kept goes first when there is no place.
 */
export class LiveConversations<Process extends Keepable = ClaudeProcess> {
  readonly #options: LiveOptions
  readonly #kept = new Map<Process, Live<Process>>()

  constructor(options: LiveOptions) {
    this.#options = options
  }

  /** How many processes are kept. */
  get size(): number {
    return this.#kept.size
  }

  keep(process: Process, facts: LiveFacts): void {
    if (this.#options.places === 0 || !process.alive) {
      process.close()
      return
    }
    if (this.#kept.size >= this.#options.places) this.dropOldest()
    const timer = setTimeout(() => this.#drop(live), this.#options.keepMs)
    timer.unref()
    const live: Live<Process> = { ...facts, process, timer }
    this.#kept.set(process, live)
  }

  /** Ends the least recently used. */
  dropOldest(): void {
    const [oldest] = this.#kept.values()
    if (oldest) this.#drop(oldest)
  }

  /** How many conversations of this profile could make room for another. */
  countOf(profile: string): number {
    return [...this.#kept.values()].filter((live) => isSpare(live, profile)).length
  }

  /** The process of the profile's least recently used conversation, to begin another one with; it is the taker's from now on. */
  takeSpare(profile: string): Process | undefined {
    for (const live of this.#kept.values()) {
      if (!isSpare(live, profile)) continue
      this.#remove(live)
      if (live.process.alive) return live.process
      live.process.close()
    }
    return undefined
  }

  /** Whether some process holds it. */
  has(keys: Partial<LiveKeys>): boolean {
    return [...this.#kept.values()].some((live) => matches(live.keys, keys) && live.process.alive)
  }

  /** The session of the process that holds this conversation. */
  sessionOf(keys: Partial<LiveKeys>): string | undefined {
    return [...this.#kept.values()].find((live) => matches(live.keys, keys))?.sessionId
  }

  /** The process that holds this conversation or session, which is the taker's from now on. */
  take(keys: Partial<LiveKeys>): Process | undefined {
    for (const live of this.#kept.values()) {
      if (!matches(live.keys, keys)) continue
      this.#remove(live)
      if (live.process.alive) return live.process
      live.process.close()
    }
    return undefined
  }

  /** The processes of a session that goes on elsewhere, or is forgotten; they are the taker's to end: two must not write one transcript. */
  takeSession(sessionId: string): Process[] {
    const found = [...this.#kept.values()].filter((live) => live.sessionId === sessionId)
    for (const live of found) this.#remove(live)
    return found.map(({ process }) => process)
  }

  close(): void {
    for (const live of this.#kept.values()) this.#drop(live)
  }

  #drop(live: Live<Process>): void {
    this.#remove(live)
    live.process.close()
  }

  #remove(live: Live<Process>): void {
    clearTimeout(live.timer)
    this.#kept.delete(live.process)
  }
}

function matches(has: LiveKeys, wanted: Partial<LiveKeys>): boolean {
  if (wanted.session !== undefined) return has.session === wanted.session
  if (wanted.conversation === undefined || has.conversation !== wanted.conversation) return false
  const { seals = [] } = has
  return (wanted.seals ?? []).every((seal) => seals.includes(seal))
}

function isSpare({ profile, isEmpty }: LiveFacts, wanted: string): boolean {
  return profile === wanted && !isEmpty
}
