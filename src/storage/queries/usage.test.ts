import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'

const one = {
  owner: 'a',
  day: 10,
  provider: 'p',
  model: 'm',
  requests: 1,
  inputTokens: 5,
  cachedTokens: 2,
  outputTokens: 3,
  micros: 7,
}

describeEngines('usage', (makePlace) => {
  it('adds up, however many add at once, and is listed by owner and day', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const others = [
      { ...one, day: 11 },
      { ...one, owner: 'b' },
    ]
    await Promise.all(Array.from({ length: 20 }, () => store.usage.add([one, ...others])))
    const [newest, older, ...more] = await store.usage.list({ owner: 'a', from: 10, to: 11 })
    expect(newest).toMatchObject({ day: 11 })
    expect(older).toEqual({
      ...one,
      requests: 20,
      inputTokens: 100,
      cachedTokens: 40,
      outputTokens: 60,
      micros: 140,
    })
    expect(more).toEqual([])
    expect(await store.usage.list({ from: 0, to: 10 })).toHaveLength(2)
    await store.close()
  })
})
