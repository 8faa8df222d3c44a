import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'

describeEngines('breakers', (makePlace) => {
  it('are there after a restart, as they were last', async () => {
    await using place = await makePlace()
    const before = await openStore(place.options)
    await before.breakers.save({ provider: 'backup', state: 'closed', changedMs: 1 })
    await before.breakers.save({
      provider: 'backup',
      state: 'open',
      untilMs: 99,
      code: 'rate_limit_exceeded',
      changedMs: 2,
    })
    await before.close()
    const after = await openStore(place.options)
    expect(await after.breakers.load()).toEqual([
      {
        provider: 'backup',
        state: 'open',
        untilMs: 99,
        code: 'rate_limit_exceeded',
        changedMs: 2,
      },
    ])
    await after.close()
  })

  it('keep the later change, whoever writes last', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    await store.breakers.save({ provider: 'backup', state: 'closed', changedMs: 20 })
    await store.breakers.save({ provider: 'backup', state: 'open', untilMs: 99, changedMs: 10 })
    expect(await store.breakers.load()).toEqual([
      { provider: 'backup', state: 'closed', changedMs: 20 },
    ])
    await store.close()
  })
})
