import type { SessionKey, SessionStore, SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk'
import { deferred } from '../../lib/deferred.ts'
import type { TranscriptKeeper } from './transcript-keeper.ts'
import type { TranscriptPiece } from './sessions.ts'

/** A transcript that a process writes to in Claude Code's folder. */
export type Local = {
  project: string
  /** A turn was asked in it. */
  isUsed: boolean
  /** The storage may not have all of it. */
  isBehind: boolean
  /** Written before its first turn. */
  early: TranscriptPiece[]
  /** Long results of tools that are stored. */
  results: Set<string>
  /** Resolves when a crash would not leave the file unnoticed. */
  noted: Promise<void>
}

/**
 * Follows what one process writes down. Claude Code keeps transcripts in its own folder for as long as the process lives; what belongs to
 * turns is added to the storage before their results are told, and when the process has ended its files are removed.
 */
export class Mirror {
  readonly #keeper: TranscriptKeeper
  readonly #isKept: boolean
  readonly #locals = new Map<string, Local>()
  readonly #done = deferred<void>()
  #pid: number | undefined
  #isAsked = false
  #isEnding = false
  #isOver = false

  /** `isKept`: whether the storage gets anything. */
  constructor(keeper: TranscriptKeeper, isKept: boolean) {
    this.#keeper = keeper
    this.#isKept = isKept
  }

  /** For the SDK. It loads nothing: what is to be resumed is in Claude Code's folder before the process starts. */
  readonly store: SessionStore = {
    append: (key, entries) => this.#append(key, entries),
    load: async () => null,
  }

  get isKept(): boolean {
    return this.#isKept
  }

  /** The process can write no more, or is about to end. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Resolves when the process has ended and its files are gone. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** The process that writes. */
  get pid(): number | undefined {
    return this.#pid
  }

  startedAs(pid: number | undefined): void {
    this.#pid = pid
    for (const [session, local] of this.#locals)
      local.noted = this.#keeper.isWritten(session, local.project, this)
  }

  /** The session that the process begins with. */
  resumes(session: string, project: string): void {
    this.#local(session, project)
  }

  turnBegins(): void {
    this.#isAsked = true
  }

  /** Which session the turn is in. */
  answersIn(session: string, project: string): void {
    this.#local(session, project).isUsed = true
  }

  /** What Claude Code writes from here on is about the process and not the conversation. `isWhole`: the turn had its result. */
  async turnEnds(isWhole: boolean): Promise<void> {
    this.#isAsked = false
    if (!isWhole) {
      for (const local of this.#locals.values()) if (local.isUsed) local.isBehind = true
      // It is ended; the files then tell the rest.
      await this.#done.promise
      return
    }
    if (!this.#isKept) return
    for (const [session, local] of this.#locals) {
      if (local.isUsed) await this.#keeper.keepResults(session, local)
      if (local.isBehind) await this.#keeper.catchUp(session, local)
    }
  }

  /** The process has begun another session, and will not come back to those before. */
  async startedOver(session: string): Promise<void> {
    for (const before of this.#locals.keys()) if (before !== session) await this.#leave(before)
  }

  closing(): void {
    this.#isEnding = true
  }

  /** The process has ended. */
  async ended(): Promise<void> {
    this.#isEnding = true
    // What it had still to tell is in its files.
    this.#isOver = true
    for (const session of this.#locals.keys()) await this.#leave(session)
    this.#done.resolve()
  }

  async #append({ projectKey, sessionId, subpath }: SessionKey, entries: SessionStoreEntry[]) {
    if (this.#isOver) return
    const local = this.#local(sessionId, projectKey)
    // Before the end of the turn is told: a crash right after it leaves a file that the next start knows of.
    await local.noted
    if (!this.#isKept) return
    const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
    const piece = { project: projectKey, subpath: subpath ?? '', lines }
    if (!this.#isAsked) {
      if (!local.isUsed) local.early.push(piece)
      return
    }
    local.isUsed = true
    for (const one of [...local.early.splice(0), piece])
      if (!local.isBehind) await this.#keeper.add(sessionId, one, local)
  }

  #local(session: string, project: string): Local {
    const known = this.#locals.get(session)
    if (known) return known
    const results = this.#keeper.storedResults(session)
    const noted = this.#keeper.isWritten(session, project, this)
    const local = { project, isUsed: false, isBehind: false, early: [], results, noted }
    this.#locals.set(session, local)
    return local
  }

  async #leave(session: string): Promise<void> {
    const local = this.#locals.get(session)
    this.#locals.delete(session)
    if (local) await this.#keeper.leave(session, local, this)
  }
}
