import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'
import type { StoredResponse } from '../parts/responses.ts'

function response(id: string, more: Partial<StoredResponse> = {}): StoredResponse {
  const body = JSON.stringify({ id })
  return { id, owner: 'ann', createdMs: 1, usedMs: 1, input: '[]', body, ...more }
}

describeEngines('responses', (makePlace) => {
  it('are there after a restart, for their owner only', async () => {
    await using place = await makePlace()
    const options = { ...place.options, dataKey: 'a key that is only for this test' }
    const before = await openStore(options)
    await before.responses.put(response('resp_1', { input: '[{"secret":1}]' }))
    await before.responses.put(response('resp_1', { input: '[{"secret":2}]', usedMs: 3 }))
    await before.responses.put(response('resp_1', { owner: 'bob', input: '[]' }))
    await before.close()
    const store = await openStore(options)
    expect(await store.responses.find('ann', 'resp_1')).toEqual(
      response('resp_1', { input: '[{"secret":2}]', usedMs: 3 }),
    )
    expect(await store.responses.find('bob', 'resp_1')).toBeUndefined()
    expect(await store.responses.remove('bob', 'resp_1')).toBe(false)
    expect(await store.responses.remove('ann', 'resp_1')).toBe(true)
    expect(await store.responses.remove('ann', 'resp_1')).toBe(false)
    await store.close()
  })

  it('a chain is told from its beginning, or not at all', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { responses } = store
    const links = Array.from({ length: 600 }, (_, n) =>
      response(`resp_${n}`, n === 0 ? {} : { previous: `resp_${n - 1}` }),
    )
    for (let at = 0; at < links.length; at += 10) {
      await Promise.all(links.slice(at, at + 10).map((link) => responses.put(link)))
    }
    await responses.put(response('resp_bob', { owner: 'bob', previous: 'resp_3' }))
    const chain = await responses.chain('ann', 'resp_599', 9)
    expect(chain.map(({ id }) => id)).toEqual(Array.from({ length: 600 }, (_, n) => `resp_${n}`))
    expect(await responses.chain('bob', 'resp_bob', 9)).toEqual([])
    expect(await responses.chain('ann', 'resp_none', 9)).toEqual([])
    await responses.remove('ann', 'resp_2')
    expect(await responses.chain('ann', 'resp_5', 9)).toEqual([])
    await store.close()
  })

  it('are noted as cancelled, also when they are kept again', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { responses } = store
    await responses.put(response('resp_1'))
    await responses.put(response('resp_2'))
    expect(await responses.cancel('bob', 'resp_1', 5)).toBe(false)
    expect(await responses.cancel('ann', 'resp_1', 5)).toBe(true)
    await responses.put(response('resp_1', { usedMs: 6 }))
    expect(await responses.cancelled(['resp_1', 'resp_2', 'resp_3'])).toEqual(['resp_1'])
    await store.close()
  })

  it('what nobody has gone on from is cleaned away', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { responses } = store
    await responses.put(response('resp_1'))
    await responses.put(response('resp_2', { previous: 'resp_1' }))
    await responses.put(response('resp_3', { usedMs: 4 }))
    await responses.put(response('resp_4', { events: '["e"]' }))
    await responses.renew('ann', 'resp_4', 9)
    await responses.chain('ann', 'resp_2', 9)
    await responses.clean(5)
    expect(await responses.find('ann', 'resp_4')).toMatchObject({ usedMs: 9, events: '["e"]' })
    const found = await Promise.all(
      ['resp_1', 'resp_2', 'resp_3'].map((id) => responses.find('ann', id)),
    )
    expect(found.map((one) => one?.id)).toEqual(['resp_1', 'resp_2', undefined])
    await store.close()
  })
})
