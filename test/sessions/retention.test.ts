import { expect, it } from 'vitest'
import { openStore } from '../../src/storage/open-store.ts'
import { cleanSessions } from '../../src/sessions.ts'
import { TurnError } from '../../src/turn/error.ts'
import { describeEngines } from '../conformance/stores.ts'

describeEngines('the retention of sessions', (makePlace) => {
  it('takes those that nobody has used for long, and leaves one that is answered in', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    for (let n = 0; n < 120; n++)
      await store.sessions.use({ id: `old-${n}`, owner: 'ann', folder: '/work', usedMs: n })
    await store.sessions.use({ id: 'new', owner: 'ann', folder: '/work', usedMs: 1_000 })
    const forgotten: string[] = []
    await cleanSessions(
      Promise.resolve(store),
      async ({ id, owner, folder }) => {
        expect(folder).toBe('/work')
        if (id === 'old-7') throw new TurnError('session_busy', 'It answers.')
        forgotten.push(id)
        return store.sessions.remove(id, owner)
      },
      500,
    )
    expect(forgotten).toHaveLength(119)
    const left = await store.sessions.list('ann', { limit: 10 })
    expect(left.map(({ id }) => id)).toEqual(['new', 'old-7'])
    await store.close()
  })
})
