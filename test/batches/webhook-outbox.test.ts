import { expect, it } from 'vitest'
import { WebhookHosts } from '../../src/batch/webhooks/webhook-hosts.ts'
import { pausesMs, WebhookOutbox } from '../../src/batch/webhooks/webhook-outbox.ts'
import { openStore, type StoreOptions } from '../../src/storage/open-store.ts'
import type { StoredBatch } from '../../src/storage/parts/batches.ts'
import type { Store } from '../../src/storage/store.ts'
import type { WebhookTried } from '../../src/telemetry/events.ts'
import { until } from '../api/server/support.ts'
import { describeEngines } from '../conformance/stores.ts'
import { startWebhookReceiver } from './webhook-receiver.ts'

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

/** A store as one node has it, and its outbox under a clock of the test's. */
async function startNode(
  options: StoreOptions,
  host: string,
  clock: { ms: number },
): Promise<{ store: Store; tried: WebhookTried[]; outbox: WebhookOutbox } & AsyncDisposable> {
  const store = await openStore(options)
  const tried: WebhookTried[] = []
  const outbox = new WebhookOutbox({
    storage: Promise.resolve(store),
    hosts: new WebhookHosts({ hosts: [host], allowPrivateNetwork: false }),
    secret,
    telemetry: {
      webhookTried: (event) => void tried.push(event),
      fault: (error) => expect.fail(String(error)),
    },
    now: () => clock.ms,
    lookMs: 5,
  })
  return {
    store,
    tried,
    outbox,
    async [Symbol.asyncDispose]() {
      await outbox.close()
      await store.close()
    },
  }
}

/** Ends a batch that is to be told at this address. */
async function endBatch({ batches }: Store, url: string, atMs: number): Promise<void> {
  const id = `batch_${atMs}`
  const batch: StoredBatch = {
    id,
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
  const webhook = {
    id: `evt_${atMs}`,
    batch: id,
    type: 'batch.failed',
    url,
    createdMs: atMs,
    attempts: 0,
    dueMs: atMs,
  }
  await batches.insert(batch)
  await batches.move(id, { from: ['validating'], to: 'failed', atMs, webhook })
}

describeEngines('the outbox of webhooks', (makePlace) => {
  it('tries ten times within three days, and no more', async () => {
    await using place = await makePlace()
    await using receiver = await startWebhookReceiver()
    receiver.answer((response) => response.writeHead(503).end('x'.repeat(1_000_000)))
    const clock = { ms: 1_000 }
    await using node = await startNode(place.options, receiver.host, clock)
    await endBatch(node.store, receiver.url, clock.ms)
    const attempts = pausesMs.length + 1
    for (let attempt = 1; attempt <= attempts; attempt++) {
      await until('it is tried', () => node.tried.length === attempt)
      expect(receiver.received).toHaveLength(attempt)
      clock.ms += pausesMs[attempt - 1] ?? 0
    }
    expect(clock.ms).toBeLessThan(1_000 + 4 * 86_400_000)
    expect(node.tried.map(({ outcome }) => outcome)).toEqual([
      ...pausesMs.map(() => 'failed'),
      'given-up',
    ])
    await until(
      'nothing is left',
      async () => (await node.store.webhooks.due(1e15, 9)).length === 0,
    )
  })

  it('gives up at once where it is not wanted any more, or may not go any more', async () => {
    await using place = await makePlace()
    await using receiver = await startWebhookReceiver()
    receiver.answer((response) => response.writeHead(410).end())
    const clock = { ms: 1_000 }
    await using node = await startNode(place.options, receiver.host, clock)
    await endBatch(node.store, receiver.url, 1_000)
    await until('it is given up', () => node.tried.length === 1)
    await endBatch(node.store, 'http://127.0.0.1:9/', 1)
    await until('it is given up', () => node.tried.length === 2)
    expect(node.tried).toMatchObject([
      { outcome: 'given-up', status: 410 },
      { outcome: 'given-up', failure: 'host not allowed' },
    ])
    await until(
      'nothing is left',
      async () => (await node.store.webhooks.due(1e15, 9)).length === 0,
    )
  })

  it('says why a receiver could not be reached', async () => {
    await using place = await makePlace()
    const receiver = await startWebhookReceiver()
    await receiver[Symbol.asyncDispose]()
    await using node = await startNode(place.options, receiver.host, { ms: 1_000 })
    await endBatch(node.store, receiver.url, 1_000)
    await until('it is tried', () => node.tried.length === 1)
    expect(node.tried).toMatchObject([
      { outcome: 'failed', failure: 'not connected (ECONNREFUSED)' },
    ])
  })

  it('sends again at once what a stop has cut off', async () => {
    await using place = await makePlace()
    await using receiver = await startWebhookReceiver()
    receiver.answer(() => {})
    const clock = { ms: 1_000 }
    {
      await using node = await startNode(place.options, receiver.host, clock)
      await endBatch(node.store, receiver.url, clock.ms)
      await until('it is being sent', () => receiver.received.length === 1)
    }
    receiver.answer((response) => response.end())
    await using node = await startNode(place.options, receiver.host, clock)
    await until('it is sent', () => node.tried.length === 1)
    expect(node.tried).toMatchObject([{ attempt: 1, outcome: 'delivered' }])
  })
})

describeEngines('two nodes with one outbox', (makePlace) => {
  it('send each message once', async () => {
    await using place = await makePlace()
    // Embedded there is one server; a second store over its folder is as near as it gets.
    const second: StoreOptions = { ...place.options, instance: 'command' }
    await using receiver = await startWebhookReceiver()
    const clock = { ms: 1_000 }
    await using one = await startNode(place.options, receiver.host, clock)
    await using other = await startNode(second, receiver.host, clock)
    const count = 30
    for (let n = 1; n <= count; n++) await endBatch(one.store, receiver.url, n)
    await until('all are sent', () => one.tried.length + other.tried.length >= count, 30_000)
    const left = async (): Promise<number> => (await one.store.webhooks.due(1e15, 99)).length
    await until('none is left', async () => (await left()) === 0)
    const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
    expect(ids.length).toBe(count)
    expect(new Set(ids).size).toBe(count)
  })
})
