import { expect, it } from 'vitest'
import { describeEngines, type MakePlace } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'
import type { StoredCompletion } from '../parts/completions.ts'

const page = { limit: 10, order: 'asc' } as const
const messages = [{ role: 'user', content: 'Hello\u0000' }]

function completion(
  id: string,
  createdMs: number,
  more: Partial<StoredCompletion> = {},
): StoredCompletion {
  return {
    id,
    owner: 'ann',
    askedModel: 'sonnet',
    model: 'claude-sonnet-5-5',
    metadata: {},
    answer: { id, choices: [{ message: { content: 'Hi\u0000' } }] },
    createdMs,
    ...more,
  }
}

describeEngines('stored completions', (makePlace: MakePlace) => {
  it('are there for their owner, over a restart, and sealed', async () => {
    await using place = await makePlace()
    const options = { ...place.options, dataKey: 'a key that is long enough 1' }
    const first = await openStore(options)
    const one = completion('a', 10, { metadata: { ticket: '7' } })
    await first.completions.insert(one, messages)
    await first.close()
    const store = await openStore(options)
    const { completions } = store
    expect(await completions.find('ann', 'a')).toEqual(one)
    expect(await completions.messages('ann', 'a')).toEqual(messages)
    expect(await completions.find('bob', 'a')).toBeUndefined()
    expect(await completions.messages('bob', 'a')).toBeUndefined()
    expect(await completions.setMetadata('bob', 'a', {})).toBeUndefined()
    expect(await completions.remove('bob', 'a')).toBe(false)
    expect(await completions.setMetadata('ann', 'a', { b: 'c' })).toEqual({
      ...one,
      metadata: { b: 'c' },
    })
    expect(await completions.remove('ann', 'a')).toBe(true)
    expect(await completions.find('ann', 'a')).toBeUndefined()
    await store.close()
  })

  it('of the same id are one for each owner, the last one stored', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { completions } = store
    await completions.insert(completion('a', 10), messages)
    await completions.insert(completion('a', 10, { owner: 'bob', model: 'other' }), [])
    await completions.insert(completion('a', 20), [])
    expect(await completions.list('ann', page)).toEqual([completion('a', 20)])
    expect(await completions.messages('ann', 'a')).toEqual([])
    expect((await completions.find('bob', 'a'))?.model).toBe('other')
    await store.close()
  })

  it('are listed by age in pages, by model and by metadata', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { completions } = store
    const ids = async (query: Partial<Parameters<typeof completions.list>[1]>) =>
      (await completions.list('ann', { ...page, ...query })).map(({ id }) => id)
    for (let at = 0; at < 120; at++) {
      const more = { model: at % 2 === 0 ? 'even' : 'odd', metadata: { tens: String(at % 10) } }
      await completions.insert(completion(`c${at}`, Math.floor(at / 2), more), [])
    }
    expect(await ids({ limit: 3 })).toEqual(['c0', 'c1', 'c2'])
    expect(await ids({ limit: 3, after: 'c2' })).toEqual(['c3', 'c4', 'c5'])
    expect(await ids({ limit: 3, order: 'desc', after: 'c97' })).toEqual(['c96', 'c95', 'c94'])
    expect(await ids({ after: 'nobody' })).toEqual([])
    expect(await ids({ limit: 2, model: 'odd' })).toEqual(['c1', 'c3'])
    expect(await ids({ limit: 2, model: 'sonnet' })).toEqual(['c0', 'c1'])
    expect(await ids({ limit: 12, metadata: { tens: '7' } })).toHaveLength(12)
    expect(await ids({ limit: 2, metadata: { tens: '7' }, model: 'odd', after: 'c100' })).toEqual([
      'c107',
      'c117',
    ])
    expect(await ids({ metadata: { tens: '7', other: 'x' } })).toEqual([])
    await store.close()
  })

  it('are removed by age, step by step', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { completions } = store
    for (let at = 0; at < 110; at++) await completions.insert(completion(`c${at}`, at), [])
    expect(await completions.removeOlder(105)).toBe(100)
    expect(await completions.removeOlder(105)).toBe(5)
    expect(await completions.removeOlder(105)).toBe(0)
    expect(await completions.list('ann', page)).toHaveLength(5)
    await store.close()
  })
})
