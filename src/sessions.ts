import type { SessionFork, SessionParts } from './http/parts.ts'
import type { Session, SessionPlace } from './storage/parts/sessions.ts'
import type { Store } from './storage/store.ts'
import { TurnError } from './turn/error.ts'

type Parts = Pick<Store, 'sessions' | 'transcripts'>

/** The sessions as callers see them. */
export function createSessions(
  storing: Promise<Parts>,
  forget: (session: SessionPlace) => Promise<boolean>,
): SessionParts {
  return {
    find: async (id, owner) => (await storing).sessions.find(id, owner),
    list: async (owner, query) => (await storing).sessions.list(owner, query),
    change: async (id, owner, change) => (await storing).sessions.change(id, owner, change),
    async messages(id, owner) {
      const { sessions, transcripts } = await storing
      const session = await sessions.find(id, owner)
      if (session === undefined) return undefined
      // With what answers; it takes time to load.
      const { sessionMessages } = await import('./engine/conversation/session-messages.ts')
      return sessionMessages(await transcripts.load(id))
    },
    async fork(id, owner, asked) {
      const store = await storing
      const session = await store.sessions.find(id, owner)
      return session && fork(session, store, asked)
    },
    async remove(id, owner) {
      const { sessions } = await storing
      const session = await sessions.find(id, owner)
      return session !== undefined && forget(session)
    },
  }
}

async function fork(
  { openCalls, title: origin, ...session }: Session,
  { sessions, transcripts }: Parts,
  { title = forkTitle(origin), metadata = session.metadata, upTo }: SessionFork,
): Promise<Session> {
  const { forkTranscript } = await import('./engine/conversation/session-fork.ts')
  const copy = await forkTranscript(session.id, await transcripts.load(session.id), {
    title: title ?? undefined,
    upTo,
  })
  const now = Date.now()
  const forked: Session = {
    ...session,
    id: copy.id,
    ...(title !== null && { title }),
    metadata,
    turns: copy.questions ?? session.turns,
    // Of a part the transcript tells.
    ...(upTo === undefined && openCalls && { openCalls }),
    createdMs: now,
    usedMs: now,
  }
  await sessions.insert(forked, copy.pieces)
  return forked
}

/** As long as titles may be. */
function forkTitle(title: string | undefined): string | null {
  return title === undefined ? null : `${title.slice(0, longestTitle - remark.length)}${remark}`
}

const remark = ' (fork)'
const longestTitle = 200

/**
 * Removes the sessions that have not been used for so long, one after another. One that is answered in has just been used; another that cannot
 * be removed now is left to the next time.
 */
export async function cleanSessions(
  storing: Promise<Pick<Store, 'sessions'>>,
  forget: (session: SessionPlace) => Promise<boolean>,
  usedBeforeMs: number,
): Promise<void> {
  const { sessions } = await storing
  for (;;) {
    const over = await sessions.over(usedBeforeMs)
    let removed = 0
    for (const session of over) if (await isForgotten(session, forget)) removed++
    if (removed === 0) return
  }
}

async function isForgotten(
  session: SessionPlace,
  forget: (session: SessionPlace) => Promise<boolean>,
): Promise<boolean> {
  try {
    return await forget(session)
  } catch (error) {
    if (error instanceof TurnError && error.code === 'session_busy') return false
    throw error
  }
}
