import { isStorageAway, type SessionRecord, type Sessions } from './sessions.ts'

/**
 * Notes a turn in its session: at its start, so that it costs the answer no time, and again before its end is told, so that the next
 * request, on whichever node, finds what this one has left. A turn goes on where nothing can be noted.
 */
export class SessionNotes {
  readonly #sessions: Sessions
  readonly #onFault: (error: unknown) => void
  #noted: Promise<SessionRecord | undefined> = Promise.resolve(undefined)

  constructor(sessions: Sessions, onFault: (error: unknown) => void) {
    this.#sessions = sessions
    this.#onFault = onFault
  }

  began(session: SessionRecord & { model?: string }): void {
    this.#noted = this.#sessions.use(session).then(
      () => session,
      (error: unknown) => this.#failed(error),
    )
  }

  /** Resolves when it has been noted, or cannot be. */
  async ended(openCalls: readonly string[]): Promise<void> {
    const session = await this.#noted
    if (session === undefined) return
    await this.#sessions
      .setOpenCalls(session.id, session.owner, openCalls)
      .catch((error: unknown) => this.#failed(error))
  }

  #failed(error: unknown): undefined {
    // The storage tells of that itself.
    if (!isStorageAway(error)) this.#onFault(error)
    return undefined
  }
}
