import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { KeyBook } from '../../src/access/keys.ts'
import { Limiter } from '../../src/access/limits.ts'
import { UsageBook } from '../../src/access/usage.ts'
import { BatchBook } from '../../src/batch/batch-book.ts'
import { WebhookHosts } from '../../src/batch/webhooks/webhook-hosts.ts'
import { loadConfig } from '../../src/config/load.ts'
import { FileBook } from '../../src/files/file-book.ts'
import { ResponseBook } from '../../src/responses/response-book.ts'
import { addRetention } from '../../src/retention.ts'
import type { CleaningJob } from '../../src/storage/cleaner.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { describeEngines, type Place } from '../conformance/stores.ts'

const dayMs = 86_400_000
const begin = Date.UTC(2030, 0, 1)

/** The books over one store, on a clock that the test moves. */
async function setUp({ options }: Place) {
  const store = await openStore(options)
  const clock = { ms: begin }
  const now = (): number => clock.ms
  return {
    store,
    clock,
    keys: new KeyBook(store.keys, now),
    usage: new UsageBook(Promise.resolve(store.usage), now),
    files: new FileBook({
      storage: Promise.resolve(store),
      limitBytes: 100,
      keyKeepMs: 90 * dayMs,
      now,
    }),
  }
}

async function upload(files: FileBook, owner: string): Promise<string> {
  const content = Readable.from([Buffer.from('x')])
  const received = await files.receive({ owner, filename: 'f', content })
  await files.finish(received, { purpose: 'batch' })
  return received.id
}

/** A key that was revoked at the beginning, and what it used and uploaded. */
async function setAside({
  keys,
  usage,
  files,
}: Pick<Awaited<ReturnType<typeof setUp>>, 'keys' | 'usage' | 'files'>) {
  const { id: revoked } = await keys.create({ name: 'revoked' })
  await keys.revoke(revoked)
  usage.add({ ...used, owner: `key-${revoked}` })
  await usage.write()
  return { revoked, id: await upload(files, `key-${revoked}`) }
}

async function ids({ keys }: Store): Promise<string[]> {
  return (await keys.list()).map(({ id }) => id)
}

const used = { provider: 'p', model: 'm', usage: noUse(), costUsd: 1 }

function noUse() {
  const none = { cacheReadTokens: 0, cacheCreationTokens: 0, reasoningTokens: 0 }
  return { inputTokens: 1, outputTokens: 1, ...none }
}

describeEngines('what is kept', (makePlace) => {
  it('of usage is so many days, and goes in steps however much there is', async () => {
    await using place = await makePlace()
    const { store, usage, clock } = await setUp(place)
    for (let n = 0; n < 1_200; n++) usage.add({ ...used, owner: `o${n}` })
    clock.ms += dayMs
    usage.add({ ...used, owner: 'later' })
    await usage.write()
    clock.ms = begin + 400 * dayMs
    await usage.clean(400 * dayMs)
    expect(await store.usage.list({ from: 0, to: 1e6 })).toHaveLength(1_201)
    clock.ms += dayMs
    await usage.clean(400 * dayMs)
    expect(await store.usage.list({ from: 0, to: 1e6 })).toMatchObject([{ owner: 'later' }])
    await usage.close()
    await store.close()
  })

  it('of a key that has ended goes with its files, once no usage names it', async () => {
    await using place = await makePlace()
    const { store, keys, usage, files, clock } = await setUp(place)
    const revoked = await keys.create({ name: 'revoked' })
    const named = await keys.create({ name: 'revoked, with usage' })
    const expired = await keys.create({ name: 'expired', expiresMs: begin + dayMs })
    await keys.revoke(revoked.id)
    await keys.revoke(named.id)
    clock.ms += 1
    const good = await keys.create({ name: 'good' })
    usage.add({ ...used, owner: `key-${named.id}` })
    await usage.write()
    const lost = await upload(files, `key-${revoked.id}`)
    const mine = await upload(files, `key-${good.id}`)
    const clean = async (days: number): Promise<void> => {
      clock.ms = begin + days * dayMs
      await files.clean()
      await keys.clean(90 * dayMs)
    }
    const all = [revoked.id, named.id, expired.id, good.id]
    await clean(90)
    expect((await ids(store)).toSorted()).toEqual(all.toSorted())
    expect(await files.find(`key-${revoked.id}`, lost)).toMatchObject({ id: lost })
    // As if the files were cleaned later: a key is not gone before them.
    clock.ms = begin + 92 * dayMs
    await keys.clean(90 * dayMs)
    expect((await ids(store)).toSorted()).toEqual([revoked.id, named.id, good.id].toSorted())
    await clean(92)
    expect((await ids(store)).toSorted()).toEqual([named.id, good.id].toSorted())
    await expect(files.find(`key-${revoked.id}`, lost)).rejects.toThrow('No such File')
    expect(await files.find(`key-${good.id}`, mine)).toMatchObject({ id: mine })
    clock.ms = begin + 401 * dayMs
    await usage.clean(400 * dayMs)
    await keys.clean(90 * dayMs)
    expect(await ids(store)).toEqual([good.id])
    await usage.close()
    await store.close()
  })

  it('is always one key, where there was any: without one everybody would get in', async () => {
    await using place = await makePlace()
    const { store, keys, clock } = await setUp(place)
    const older = await keys.create({ name: 'older' })
    clock.ms += 1
    const newer = await keys.create({ name: 'newer' })
    await keys.revoke(older.id)
    await keys.revoke(newer.id)
    clock.ms += 1_000 * dayMs
    await keys.clean(90 * dayMs)
    expect(await ids(store)).toEqual([newer.id])
    expect(await store.keys.any()).toBe(true)
    await store.close()
  })

  it('of what a killed server had set aside is given back, to keys that ask nothing more too', async () => {
    await using place = await makePlace()
    const { store } = await setUp(place)
    const limits = { usd_per_day: 1, turns_at_once: 5 }
    const bound = { tokens: 10, turns: 1, micros: 1_000 }
    const killed = (meter: Parameters<Parameters<Store['meters']['reserve']>[2]>[0]) => ({
      meter: { ...meter, turns: meter.turns + 1, dayMicros: meter.dayMicros + bound.micros },
      reservation: { day: meter.day, month: meter.month, ...bound },
    })
    for (const [key, leaseMs] of [
      ['a', 0],
      ['b', 0],
      ['c', 60_000],
    ] as const) {
      await store.meters.reserve(key, { id: `${key}${Math.random()}`, leaseMs }, killed)
    }
    const limiter = new Limiter({
      meters: Promise.resolve(store.meters),
      telemetry: silentTelemetry,
    })
    await limiter.clean()
    expect(await store.meters.find('a')).toMatchObject({ turns: 0, dayMicros: 0 })
    expect(await store.meters.find('b')).toMatchObject({ turns: 0, dayMicros: 0 })
    expect(await store.meters.find('c')).toMatchObject({ turns: 1, dayMicros: 1_000 })
    const standing = await limiter.admit('b', limits, bound, 1)
    expect(standing.meter).toMatchObject({ turns: 1 })
    standing.admitted?.finish()
    await limiter.close()
    await store.close()
  })

  it('is what the server’s own jobs leave', async () => {
    await using place = await makePlace()
    const { store, keys, usage, files, clock } = await setUp(place)
    const { revoked, id } = await setAside({ keys, usage, files })
    const limiter = new Limiter({
      meters: Promise.resolve(store.meters),
      telemetry: silentTelemetry,
    })
    const jobs: CleaningJob[] = []
    const config = loadConfig({ env: { USAGE_KEEP_DAYS: '30', KEY_KEEP_DAYS: '7' } })
    const storage = Promise.resolve(store)
    const responses = new ResponseBook({ storage, keepMs: config.responses.keepMs })
    const webhookHosts = new WebhookHosts({ hosts: [], allowPrivateNetwork: false })
    addRetention({ add: (job) => jobs.push(job) }, config, {
      storage: { open: storage },
      records: { files, responses, usage, limiter },
      batches: new BatchBook({ storage, files, webhookHosts, onChange: () => {} }),
      forget: async () => true,
    })
    clock.ms += 100 * dayMs
    for (const job of jobs) await job.run()
    expect(await store.usage.list({ from: 0, to: 1e6 })).toEqual([])
    await expect(files.find(`key-${revoked}`, id)).rejects.toThrow('No such File')
    expect(jobs.map(({ name }) => name)).toEqual([
      'files',
      'responses',
      'batches',
      'sessions',
      'completions',
      'usage',
      'keys',
      'leftovers',
    ])
    // The job goes by the real clock, for which it has not been revoked yet.
    expect(await ids(store)).toContain(revoked)
    await limiter.close()
    await usage.close()
    await store.close()
  })

  it('of leases and breakers is what can still matter', async () => {
    await using place = await makePlace()
    const { store } = await setUp(place)
    await store.leases.acquire('old', 'a', -10_000)
    await store.leases.acquire('taken', 'a', 60_000)
    await store.leases.clean(5_000)
    expect(await store.leases.acquire('taken', 'b', 1)).toBe(false)
    expect(await store.leases.acquire('old', 'b', 1)).toBe(true)
    await store.breakers.save({ provider: 'gone', state: 'closed', changedMs: 1 })
    await store.breakers.save({ provider: 'there', state: 'closed', changedMs: 3 })
    await store.breakers.clean(2)
    expect(await store.breakers.load()).toMatchObject([{ provider: 'there' }])
    await store.close()
  })
})
