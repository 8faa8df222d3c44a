import { expect, it } from 'vitest'
import { describeEngines, type MakePlace } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'

const use = (id: string, usedMs: number, more: { owner?: string; folder?: string } = {}) => ({
  id,
  owner: 'ann',
  folder: '/work',
  model: 'sonnet',
  usedMs,
  ...more,
})

describeEngines('sessions', (makePlace: MakePlace) => {
  it('keeps a session for its owner, over a restart', async () => {
    await using place = await makePlace()
    const first = await openStore(place.options)
    await first.sessions.use(use('a', 10))
    await first.sessions.use(use('a', 20))
    await first.close()
    const store = await openStore(place.options)
    expect(await store.sessions.find('a', 'ann')).toEqual({
      id: 'a',
      owner: 'ann',
      folder: '/work',
      metadata: {},
      model: 'sonnet',
      turns: 2,
      createdMs: 10,
      usedMs: 20,
    })
    expect(await store.sessions.find('a', 'bob')).toBeUndefined()
    await store.close()
  })

  it('notes the beginning and the end of a turn at once, and forgets the end when another begins', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { sessions } = store
    expect(await sessions.use({ ...use('a', 10), openCalls: ['call_1'] })).toBe(1)
    expect(await sessions.find('a', 'ann')).toMatchObject({ openCalls: ['call_1'], turns: 1 })
    expect(await sessions.use({ ...use('a', 20), openCalls: [] })).toBe(2)
    expect(await sessions.find('a', 'ann')).toMatchObject({ openCalls: [], turns: 2 })
    await sessions.use(use('a', 30))
    expect(await sessions.find('a', 'ann')).not.toHaveProperty('openCalls')
    await store.close()
  })

  it("leaves another owner's session as it is", async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { sessions } = store
    await sessions.use(use('a', 10))
    await sessions.use(use('a', 20, { owner: 'bob', folder: '/else' }))
    await sessions.setOpenCalls('a', 'bob', ['x'])
    expect(await sessions.change('a', 'bob', { title: 'Mine' })).toBeUndefined()
    expect(await sessions.remove('a', 'bob')).toBe(false)
    expect(await sessions.find('a', 'bob')).toBeUndefined()
    expect(await sessions.find('a', 'ann')).toMatchObject({ folder: '/work', turns: 1 })
    await store.close()
  })

  it('takes a whole session and what was said in it: both or nothing', async () => {
    await using place = await makePlace()
    const dataKey = 'a key that is long enough 1'
    const store = await openStore({ ...place.options, dataKey })
    const { sessions, transcripts } = store
    const session = {
      id: 'a',
      owner: 'ann',
      folder: '/work',
      title: 'Plans',
      metadata: { ticket: '7' },
      model: 'sonnet',
      turns: 3,
      openCalls: ['toolu_1'],
      createdMs: 10,
      usedMs: 20,
    }
    const pieces = ['{"n":1}\n', '{"n":2}\n'].map((lines) => ({
      project: '-work',
      subpath: '',
      lines,
    }))
    await sessions.insert(session, pieces)
    await expect(sessions.insert({ ...session, owner: 'bob' }, pieces)).rejects.toThrow()
    expect(await sessions.find('a', 'ann')).toEqual(session)
    await transcripts.append('a', { project: '-work', subpath: '', lines: '{"n":3}\n' })
    const kept = (await transcripts.load('a')).map(({ lines }) => lines)
    expect(kept).toEqual(['{"n":1}\n', '{"n":2}\n', '{"n":3}\n'])
    await store.close()
  })

  it('knows the latest of a folder', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { sessions } = store
    await sessions.use(use('a', 10))
    await sessions.use(use('b', 20))
    await sessions.use(use('c', 30, { folder: '/else' }))
    await sessions.use(use('d', 40, { owner: 'bob' }))
    expect((await sessions.latest('ann', '/work'))?.id).toBe('b')
    await sessions.use(use('a', 50))
    expect((await sessions.latest('ann', '/work'))?.id).toBe('a')
    expect(await sessions.latest('ann', '/nowhere')).toBeUndefined()
    await store.close()
  })

  it('knows the open calls until the next turn begins', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { sessions } = store
    await sessions.use(use('a', 10))
    expect((await sessions.find('a', 'ann'))?.openCalls).toBeUndefined()
    await sessions.setOpenCalls('a', 'ann', ['x', 'y'])
    expect((await sessions.find('a', 'ann'))?.openCalls).toEqual(['x', 'y'])
    await sessions.use(use('a', 20))
    expect((await sessions.find('a', 'ann'))?.openCalls).toBeUndefined()
    await store.close()
  })

  it('lists page by page, by folder and by title', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { sessions } = store
    for (const id of ['a', 'b', 'c', 'd']) await sessions.use(use(id, id === 'd' ? 20 : 10))
    await sessions.use(use('e', 30, { folder: '/else' }))
    await sessions.use(use('f', 30, { owner: 'bob' }))
    const ids = async (query: Parameters<typeof sessions.list>[1]) =>
      (await sessions.list('ann', query)).map(({ id }) => id)
    expect(await ids({ limit: 3 })).toEqual(['e', 'd', 'c'])
    expect(await ids({ limit: 3, after: 'c' })).toEqual(['b', 'a'])
    expect(await ids({ limit: 3, after: 'f' })).toEqual([])
    expect(await ids({ limit: 9, folder: '/else' })).toEqual(['e'])
    await sessions.change('b', 'ann', { title: '100% Done' })
    await sessions.change('c', 'ann', { title: '100 done' })
    expect(await ids({ limit: 9, search: '0% d' })).toEqual(['b'])
    expect(await ids({ limit: 9, search: 'DONE' })).toEqual(['c', 'b'])
    await store.close()
  })

  it('changes what is named, and forgets', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { sessions } = store
    await sessions.use(use('a', 10))
    const titled = await sessions.change('a', 'ann', { title: 'One', metadata: { by: 'me' } })
    expect(titled).toMatchObject({ title: 'One', metadata: { by: 'me' }, usedMs: 10 })
    const untitled = await sessions.change('a', 'ann', { title: null })
    expect(untitled).not.toHaveProperty('title')
    expect(untitled?.metadata).toEqual({ by: 'me' })
    expect(await sessions.remove('a', 'ann')).toBe(true)
    expect(await sessions.remove('a', 'ann')).toBe(false)
    expect(await sessions.find('a', 'ann')).toBeUndefined()
    await store.close()
  })

  it('takes over what it does not know', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { sessions } = store
    await sessions.use(use('a', 50))
    await sessions.adopt([use('a', 10), use('b', 20)])
    expect(await sessions.find('a', 'ann')).toMatchObject({ createdMs: 50, turns: 1 })
    expect(await sessions.find('b', 'ann')).toMatchObject({ createdMs: 20, turns: 0 })
    await store.close()
  })
})
