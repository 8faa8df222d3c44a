import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'
import type { StoredBatch } from '../parts/batches.ts'
import type { StoredWebhook } from '../parts/webhooks.ts'

const batch: StoredBatch = {
  id: 'b1',
  owner: 'a',
  endpoint: '/v1/chat/completions',
  inputFile: 'file-1',
  status: 'validating',
  createdMs: 1,
  expiresMs: 1_000,
  times: {},
  counts: { total: 0, completed: 0, failed: 0 },
  use: { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0, costMicros: 0 },
}

const webhook: StoredWebhook = {
  id: 'evt_1',
  batch: 'b1',
  type: 'batch.failed',
  url: 'https://hooks.example.com/secret-path',
  createdMs: 5,
  attempts: 0,
  dueMs: 5,
}

describeEngines('webhooks', (makePlace) => {
  it('are kept with the end of the batch, once, and over a restart', async () => {
    await using place = await makePlace()
    const options = { ...place.options, dataKey: 'a-key-for-tests-only' }
    const store = await openStore(options)
    await store.batches.insert(batch)
    const failed = { from: ['validating'], to: 'failed', atMs: 5 } as const
    const ends = [webhook, { ...webhook, id: 'evt_2' }].map((one) =>
      store.batches.move('b1', { ...failed, webhook: one }),
    )
    expect((await Promise.all(ends)).filter(Boolean)).toHaveLength(1)
    await store.close()
    const next = await openStore(options)
    expect(await next.webhooks.due(4, 9)).toEqual([])
    const due = await next.webhooks.due(5, 9)
    expect(due).toEqual([{ ...webhook, id: due[0]?.id }])
    await next.close()
  })

  it('are tried by one node at a time, and no more once they are removed', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { batches, webhooks } = store
    await batches.insert(batch)
    await batches.move('b1', { from: ['validating'], to: 'failed', atMs: 5, webhook })
    const claims = [1, 2, 3].map(() => webhooks.claim(webhook, 100))
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1)
    expect(await webhooks.due(99, 9)).toEqual([])
    expect(await webhooks.due(100, 9)).toEqual([{ ...webhook, attempts: 1, dueMs: 100 }])
    await webhooks.restore(webhook)
    expect(await webhooks.due(5, 9)).toEqual([webhook])
    await webhooks.remove(webhook.id)
    expect(await webhooks.due(1e9, 9)).toEqual([])
    expect(await webhooks.claim(webhook, 1)).toBe(false)
    await store.close()
  })
})
