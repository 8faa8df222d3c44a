import type { TurnContext } from '../../turn/backend.ts'
import { TurnError } from '../../turn/error.ts'
import type { Turn } from '../../turn/turn.ts'
import { deferred } from '../../lib/deferred.ts'
import { keepsSession, type SessionKeeping } from './keeping.ts'
import type { Hold, SessionHolds } from './session-holds.ts'
import { isStorageAway, type KnownSession, type Sessions, type UsedSession } from './sessions.ts'

export type TurnSessionParts = {
  sessions: Sessions
  holds: SessionHolds
  keeping: SessionKeeping
  /** How long a request waits for its session, in milliseconds. */
  patienceMs: number
  onFault: (error: unknown) => void
}

/** How long after its start a turn is noted, in milliseconds: its first words go out meanwhile. */
const noteMs = 25

/**
 * The session that a turn is in: found and held before it, noted while it runs, and let go when nothing writes to it any more. Noting
 * costs the answer no time at its start; how it ended is noted before the end is told, so that the next request, on whichever node, finds
 * what this one has left. A new session is answered in where nothing can be noted.
 */
export class TurnSession {
  /** The session that goes on; absent: a new one. */
  readonly known: KnownSession | undefined
  readonly isKept: boolean
  readonly #parts: TurnSessionParts
  readonly #holds = new Map<string, Hold>()
  #noted: Promise<UsedSession | undefined> = Promise.resolve(undefined)
  #noteNow = (): void => {}
  #turns: number | undefined
  /** The calls that the answer has left open, once it is over. */
  #openCalls: readonly string[] | undefined
  #isEndNoted = false

  private constructor(parts: TurnSessionParts, isKept: boolean, known?: KnownSession, hold?: Hold) {
    this.#parts = parts
    this.isKept = isKept
    this.known = known
    if (known && hold) this.#holds.set(known.id, hold)
  }

  /**
   * Finds and holds the session that a request names. `folderOf`: where the request works, as far as it says so. Throws
   * `session_not_found`, `session_busy` where it may not wait, `invalid_value` and `storage_unavailable`.
   */
  static async open(
    { claude }: Turn,
    { owner, cancellation: { signal } }: TurnContext,
    parts: TurnSessionParts,
    folderOf: () => Promise<string>,
  ): Promise<TurnSession> {
    const { sessions, holds, keeping } = parts
    const isKept = keepsSession(claude, keeping)
    const param = claude.continue ? 'claude_options.continue' : 'claude_options.session_id'
    const found =
      claude.sessionId === undefined
        ? claude.continue && (await sessions.latest(owner, await folderOf()))
        : ((await sessions.find(claude.sessionId, owner)) ?? notFound(claude.sessionId))
    if (!found) return new TurnSession(parts, isKept)
    const patienceMs = claude.sessionBusy === 'refuse' ? 0 : parts.patienceMs
    const hold = await holds.hold(found.id, { patienceMs, signal, param })
    if (!hold.waited) return new TurnSession(parts, isKept, found, hold)
    try {
      const now = (await sessions.find(found.id, owner)) ?? notFound(found.id)
      return new TurnSession(parts, isKept, now, hold)
    } catch (error) {
      hold.release()
      throw error
    }
  }

  /** How many turns the session has had with this one, as far as it could be noted. */
  get turns(): number | undefined {
    return this.#turns
  }

  /** Holds a session that is this turn's as well, such as that of a process which knows the conversation; false when another has it. */
  async take(id: string): Promise<boolean> {
    return this.#holds.has(id) || this.#has(id, await this.#parts.holds.takeNext(id))
  }

  #has(id: string, hold: Hold | undefined): boolean {
    if (hold) this.#holds.set(id, hold)
    return hold !== undefined
  }

  began(session: UsedSession): void {
    if (!this.#holds.has(session.id)) this.#has(session.id, this.#parts.holds.take(session.id))
    if (!this.isKept) return
    const due = deferred<void>()
    const timer = setTimeout(due.resolve, noteMs)
    this.#noteNow = () => {
      clearTimeout(timer)
      due.resolve()
    }
    this.#noted = due.promise.then(() => this.#note(session))
  }

  async #note(session: UsedSession): Promise<UsedSession | undefined> {
    const openCalls = this.#openCalls
    try {
      this.#turns = await this.#parts.sessions.use({ ...session, ...(openCalls && { openCalls }) })
      // A short turn is over by now, and noted once.
      this.#isEndNoted = openCalls !== undefined
      return session
    } catch (error) {
      return this.#failed(error)
    }
  }

  /** Resolves when the end has been noted, or cannot be. */
  async ended(openCalls: readonly string[]): Promise<void> {
    this.#openCalls = openCalls
    this.#noteNow()
    const session = await this.#noted
    if (session === undefined || this.#isEndNoted) return
    await this.#parts.sessions
      .setOpenCalls(session.id, session.owner, openCalls)
      .catch((error: unknown) => this.#failed(error))
  }

  /** Lets others go on with it, when everything of this turn is stored or cannot be. */
  release(stored: readonly Promise<unknown>[]): void {
    this.#noteNow()
    const after = Promise.allSettled([...stored, this.#noted])
    for (const hold of this.#holds.values()) hold.release(after)
    this.#holds.clear()
  }

  #failed(error: unknown): undefined {
    // The storage tells of that itself.
    if (!isStorageAway(error)) this.#parts.onFault(error)
    return undefined
  }
}

function notFound(id: string): never {
  throw new TurnError('session_not_found', `There is no session '${id}' of yours on this server.`, {
    param: 'claude_options.session_id',
  })
}
