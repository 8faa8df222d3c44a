import { expect, it } from 'vitest'
import { describeEngines, type MakePlace } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'

const piece = (lines: string, subpath = '') => ({ project: '-work', subpath, lines })

describeEngines('transcripts', (makePlace: MakePlace) => {
  it('are kept in their order, over a restart, each session by itself', async () => {
    await using place = await makePlace()
    const first = await openStore(place.options)
    await first.transcripts.append('a', piece('{"n":1}\n'))
    await first.transcripts.append('a', piece('{"agent":1}\n', 'subagents/x'))
    await first.transcripts.append('b', piece('{"other":1}\n'))
    for (let n = 2; n <= 50; n++) await first.transcripts.append('a', piece(`{"n":${n}}\n`))
    await first.close()
    const store = await openStore(place.options)
    const pieces = await store.transcripts.load('a')
    expect(pieces.slice(0, 50).map(({ lines }) => JSON.parse(lines))).toEqual(
      Array.from({ length: 50 }, (_, index) => ({ n: index + 1 })),
    )
    expect(pieces.slice(50)).toEqual([piece('{"agent":1}\n', 'subagents/x')])
    await store.transcripts.remove('a')
    await store.transcripts.remove('a')
    expect(await store.transcripts.load('a')).toEqual([])
    expect(await store.transcripts.load('b')).toEqual([piece('{"other":1}\n')])
    await store.close()
  })

  it('lose nothing to two who write at once', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const all = Array.from({ length: 5 }, (_, n) => `{"n":${n}}\n`)
    await Promise.all(all.map((lines) => store.transcripts.append('a', piece(lines))))
    const lines = (await store.transcripts.load('a')).map((one) => one.lines)
    expect(lines.toSorted()).toEqual(all)
    await store.close()
  })

  it('are not readable with another key', async () => {
    await using place = await makePlace()
    const store = await openStore({ ...place.options, dataKey: 'a key that is long enough 1' })
    const word = 'unmistakable'
    await store.transcripts.append('a', piece(`{"text":"${word}"}\n`))
    await store.sessions.use({ id: 'a', owner: 'ann', folder: '/work', usedMs: 1 })
    await store.sessions.change('a', 'ann', { title: word, metadata: { word } })
    expect(await store.sessions.list('ann', { limit: 5, search: 'MISTAK' })).toHaveLength(1)
    expect(await store.transcripts.load('a')).toEqual([piece(`{"text":"${word}"}\n`)])
    await store.close()
    const { openDatabase } = await import('../open-store.ts')
    const database = await openDatabase({
      ...place.options,
      dataKey: 'a key that is long enough 1',
    })
    const rows = await database.read(async (queries) => [
      await queries.selectFrom('transcript').selectAll().execute(),
      await queries.selectFrom('session').selectAll().execute(),
    ])
    expect(JSON.stringify(rows)).not.toContain(word)
    await database.close()
  })
})
