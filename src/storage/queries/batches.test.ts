import { expect, it } from 'vitest'
import { describeEngines } from '../../../test/conformance/stores.ts'
import { openStore } from '../open-store.ts'
import type { Batches, StoredBatch } from '../parts/batches.ts'

const noUse = {
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  costMicros: 0,
}

function batch(id: string, change: Partial<StoredBatch> = {}): StoredBatch {
  return {
    id,
    owner: 'a',
    endpoint: '/v1/chat/completions',
    inputFile: 'file-1',
    status: 'validating',
    createdMs: 1,
    expiresMs: 1_000,
    times: {},
    counts: { total: 0, completed: 0, failed: 0 },
    use: noUse,
    ...change,
  }
}

const items = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ n, at: n * 10, bytes: 9 }))

/** A batch in progress with so many lines, which were read twice. */
async function begin(batches: Batches, id: string, count: number): Promise<void> {
  await batches.insert(batch(id))
  for (const _ of [1, 2])
    for (let at = 0; at < count; at += 500)
      expect(await batches.addItems(id, items(count).slice(at, at + 500))).toBe(true)
  await batches.move(id, { from: ['validating'], to: 'in_progress', atMs: 2, total: count })
}

describeEngines('batches', (makePlace) => {
  it('are found by their owners only, newest first, page by page', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { batches } = store
    const first = batch('b1', { metadata: { a: 'ä' }, keyId: 'k', outputKeepMs: 5 })
    await batches.insert(first)
    await batches.insert(batch('b2', { createdMs: 2 }))
    await batches.insert(batch('b3', { createdMs: 2 }))
    expect(await batches.find('a', 'b1')).toEqual(first)
    expect(await batches.find('b', 'b1')).toBeUndefined()
    const ids = async (after?: string) => {
      const page = await batches.list({ owner: 'a', limit: 1, ...(after && { after }) })
      return page.map(({ id }) => id)
    }
    expect(await ids()).toEqual(['b3', 'b2'])
    expect(await ids('b3')).toEqual(['b2', 'b1'])
    expect(await ids('b1')).toEqual([])
    await store.close()
  })

  it('go from state to state once, however many try', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { batches } = store
    await batches.insert(batch('b1'))
    const move = { from: ['validating'], to: 'in_progress', atMs: 7, total: 3 } as const
    const moved = await Promise.all([1, 2, 3].map(() => batches.move('b1', move)))
    expect(moved.filter(Boolean)).toHaveLength(1)
    expect(await batches.find('a', 'b1')).toMatchObject({
      status: 'in_progress',
      counts: { total: 3 },
      times: { in_progress: 7 },
    })
    await store.close()
  })

  it('give each line to one worker, and keep one answer to it', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { batches } = store
    await begin(batches, 'b1', 40)
    const taken = await Promise.all(
      Array.from({ length: 30 }, (_, at) =>
        batches.take('b1', `w${at % 3}`, { leaseMs: 60_000, limit: 2 }),
      ),
    )
    const numbers = taken.flat().map(({ n }) => n)
    expect(numbers.toSorted((a, b) => a - b)).toEqual(items(40).map(({ n }) => n))
    const worker = `w${taken.findIndex((some) => some.some(({ n }) => n === 3)) % 3}`
    const result = { n: 3, isError: false, body: '{}', use: { ...noUse, inputTokens: 5 } }
    expect(await batches.finish('b1', 'another', result)).toBe(false)
    const finished = [1, 2].map(() => batches.finish('b1', worker, result))
    expect((await Promise.all(finished)).filter(Boolean)).toHaveLength(1)
    expect(await batches.find('a', 'b1')).toMatchObject({
      counts: { completed: 1, failed: 0 },
      use: { inputTokens: 5 },
    })
    expect(await batches.running('b1')).toBe(39)
    await store.close()
  })

  it('give those that were let go of first, then those of workers whose time is over', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { batches } = store
    await begin(batches, 'b1', 6)
    const numbers = async (leaseMs: number, limit: number): Promise<number[]> =>
      (await batches.take('b1', 'w', { leaseMs, limit })).map(({ n }) => n)
    expect(await numbers(-1, 4)).toEqual([0, 1, 2, 3])
    await batches.release('b1', 3, 'w', false)
    expect(await numbers(60_000, 5)).toEqual([3, 4, 5, 0, 1])
    expect(await numbers(60_000, 5)).toEqual([2])
    await batches.move('b1', { from: ['in_progress'], to: 'cancelling', atMs: 3 })
    await batches.release('b1', 3, 'w', false)
    expect(await numbers(60_000, 5)).toEqual([])
    await store.close()
  })

  it('give a line to another when its worker is gone or lets go of it', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { batches } = store
    await begin(batches, 'b1', 1)
    const over = { leaseMs: -1, limit: 1 }
    const one = { leaseMs: 60_000, limit: 1 }
    expect(await batches.take('b1', 'a', over)).toEqual([{ n: 0, at: 0, bytes: 9, attempts: 0 }])
    expect(await batches.take('b1', 'b', one)).toMatchObject([{ n: 0 }])
    expect(await batches.take('b1', 'c', one)).toEqual([])
    const result = { n: 0, isError: true, body: 'late' }
    expect(await batches.finish('b1', 'a', result)).toBe(false)
    await batches.release('b1', 0, 'b', true)
    expect(await batches.take('b1', 'c', one)).toMatchObject([{ attempts: 1 }])
    await batches.releaseAll('c')
    expect(await batches.unanswered('b1', { after: -1, limit: 9 })).toEqual(items(1))
    await store.close()
  })

  it('end with their files, and then leave no lines behind', async () => {
    await using place = await makePlace()
    const store = await openStore(place.options)
    const { batches, files } = store
    await begin(batches, 'b1', 3)
    for (const isError of [false, true]) {
      const [{ n } = { n: -1 }] = await batches.take('b1', 'w', { leaseMs: 60_000, limit: 1 })
      await batches.finish('b1', 'w', { n, isError, body: `line ${n}` })
    }
    const page = { after: -1, limit: 9 }
    expect(await batches.results('b1', { ...page, isError: true })).toMatchObject([
      { n: 1, body: 'line 1' },
    ])
    const output = {
      id: 'file-o',
      owner: 'a',
      filename: 'o',
      purpose: 'batch_output',
      status: 'uploading' as const,
      bytes: 1,
      createdMs: 1,
    }
    await files.insert(output)
    await batches.move('b1', { from: ['in_progress'], to: 'finalizing', atMs: 2 })
    const end = {
      from: 'finalizing',
      to: 'completed',
      atMs: 3,
      counts: { total: 3, completed: 1, failed: 1 },
      output: { ...output, status: 'processed' },
    } as const
    expect(await batches.complete('b1', end)).toBe(true)
    expect(await batches.complete('b1', end)).toBe(false)
    expect(await files.find('a', 'file-o', 1)).toMatchObject({ status: 'processed' })
    expect(await batches.find('a', 'b1')).toMatchObject({ outputFile: 'file-o' })
    while (await batches.prune());
    expect(await batches.unanswered('b1', page)).toEqual([])
    expect(await batches.results('b1', { ...page, isError: false })).toEqual([])
    expect(await batches.open()).toEqual([])
    await store.close()
  })

  it.each(['failed', 'cancelled', 'expired', 'completed'] as const)(
    'that are %s leave no lines behind, and are removed when they are old',
    async (end) => {
      await using place = await makePlace()
      const store = await openStore(place.options)
      const { batches } = store
      const count = 1_200
      await begin(batches, 'b1', count)
      await begin(batches, 'open', 3)
      for (const { n } of await batches.take('b1', 'w', { leaseMs: 60_000, limit: 150 }))
        await batches.finish('b1', 'w', { n, isError: n % 2 === 0, body: `line ${n}` })
      await batches.move('b1', { from: ['in_progress'], to: end, atMs: 3 })
      // Whoever still reads its lines is told that they are not wanted.
      expect(await batches.addItems('b1', items(9))).toBe(false)
      expect(await batches.removeOld(1e9)).toBe(false)
      let steps = 0
      while (await batches.prune()) steps += 1
      expect(steps).toBe(3 + 2 + 1)
      const page = { after: -1, limit: count }
      expect(await batches.unanswered('b1', page)).toEqual([])
      expect(await batches.results('b1', { ...page, isError: true })).toEqual([])
      expect(await batches.results('b1', { ...page, isError: false })).toEqual([])
      expect(await batches.unanswered('open', page)).toHaveLength(3)
      expect(await batches.find('a', 'b1')).toMatchObject({ status: end })
      expect(await batches.removeOld(1)).toBe(false)
      expect(await batches.removeOld(2)).toBe(true)
      expect(await batches.removeOld(2)).toBe(false)
      expect(await batches.find('a', 'b1')).toBeUndefined()
      expect(await batches.find('a', 'open')).toBeDefined()
      await store.close()
    },
  )
})
