import { expect, it, vi } from 'vitest'
import { Cancellation } from '../../turn/cancellation.ts'
import { plainTurn } from '../../turn/turn.ts'
import { SessionHolds } from './session-holds.ts'
import type { Sessions, UsedSession } from './sessions.ts'
import { TurnSession } from './turn-session.ts'

const session = { id: 'a', owner: 'ann', folder: '/work', usedMs: 1 }

const onFault = (error: unknown): never => {
  throw error
}

/** A storage that keeps what it is told, and turns over it. */
function place() {
  const told: object[] = []
  const sessions: Sessions = {
    find: async () => undefined,
    latest: async () => undefined,
    use: async (use: UsedSession) => told.push({ use }),
    setOpenCalls: async (_id, _owner, openCalls) => void told.push({ openCalls }),
    remove: async () => false,
    adopt: async () => {},
  }
  const holds = new SessionHolds({ onFault })
  const open = () =>
    TurnSession.open(
      plainTurn,
      { requestId: 'req', owner: 'ann', cancellation: new Cancellation(), stream: true },
      { sessions, holds, keeping: 'always', patienceMs: 1_000, onFault },
      async () => session.folder,
    )
  return { told, open, holds }
}

it('notes a short turn once, and a longer one at its beginning and at its end', async () => {
  const { told, open } = place()
  const short = await open()
  short.began(session)
  await short.ended(['call'])
  expect(told.splice(0)).toEqual([{ use: { ...session, openCalls: ['call'] } }])
  expect(short.turns).toBe(1)
  short.release([])

  const long = await open()
  long.began({ ...session, id: 'b' })
  await vi.waitFor(() => expect(told).toEqual([{ use: { ...session, id: 'b' } }]))
  await long.ended([])
  expect(told).toEqual([{ use: { ...session, id: 'b' } }, { openCalls: [] }])
})

it('lets the next turn have the session when all of this one is stored, and notes one that broke off', async () => {
  const { told, open, holds } = place()
  const first = await open()
  first.began(session)
  const second = await open()
  expect(await second.take('a'), 'it is answered in').toBe(false)
  let isStored = false
  const stored = new Promise<void>((resolve) => {
    setImmediate(() => {
      isStored = true
      resolve()
    })
  })
  first.release([stored])
  expect(await second.take('a')).toBe(true)
  expect(isStored).toBe(true)
  expect(told).toEqual([{ use: session }])
  second.release([])
  await vi.waitFor(() => expect(holds.isHeld('a')).toBe(false))
})
