import type { SessionParts } from './http/parts.ts'
import type { Session } from './storage/parts/sessions.ts'
import type { Store } from './storage/store.ts'

/** The sessions as callers see them. */
export function createSessions(
  storing: Promise<Pick<Store, 'sessions'>>,
  forget: (session: Session) => Promise<boolean>,
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
