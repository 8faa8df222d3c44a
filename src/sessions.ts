import type { SessionParts } from './http/parts.ts'
import type { SessionPlace } from './storage/parts/sessions.ts'
import type { Store } from './storage/store.ts'
import { TurnError } from './turn/error.ts'

/** The sessions as callers see them. */
export function createSessions(
  storing: Promise<Pick<Store, 'sessions'>>,
  forget: (session: SessionPlace) => Promise<boolean>,
): SessionParts {
  return {
    find: async (id, owner) => (await storing).sessions.find(id, owner),
    list: async (owner, query) => (await storing).sessions.list(owner, query),
    change: async (id, owner, change) => (await storing).sessions.change(id, owner, change),
    async remove(id, owner) {
      const { sessions } = await storing
      const session = await sessions.find(id, owner)
      return session !== undefined && forget(session)
    },
  }
}

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
