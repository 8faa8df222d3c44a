import { expect, it } from 'vitest'
import { BatchBook } from '../../src/batch/batch-book.ts'
import type { Dispatch } from '../../src/batch/parts.ts'
import { WebhookHosts } from '../../src/batch/webhooks/webhook-hosts.ts'
import { BatchWorker } from '../../src/batch/worker.ts'
import { FileBook } from '../../src/files/file-book.ts'
import { openStore, type StoreOptions } from '../../src/storage/open-store.ts'
import type { StoredBatch } from '../../src/storage/parts/batches.ts'
import { until } from '../api/server/support.ts'
import { describeEngines } from '../conformance/stores.ts'
import { asking, jsonLines } from './support.ts'

const owner = 'a'
const endpoint = '/v1/chat/completions'

/** A store with a worker over it, as a server has them; `dispatch` is in the place of the app. */
async function startNode(
  options: StoreOptions,
  dispatch: Dispatch,
  now: () => number = Date.now,
  places = 20,
) {
  const store = await openStore(options)
  const storage = Promise.resolve(store)
  const files = new FileBook({ storage, limitBytes: 1e9 })
  const faults: unknown[] = []
  const onFault = (error: unknown): void => void faults.push(error)
  const worker = new BatchWorker({
    storage,
    files,
    dispatch,
    room: () => places,
    lineLimitBytes: 1e6,
    onFault,
    now,
  })
  const webhookHosts = new WebhookHosts({
    hosts: ['hooks.example.com'],
    allowPrivateNetwork: false,
  })
  const onChange = (): void => worker.wake()
  const book = new BatchBook({ storage, files, webhookHosts, onChange, now })
  const begin = async (
    ids: readonly string[],
    metadata?: Record<string, string>,
  ): Promise<StoredBatch> => {
    const received = await files.receive({ owner, filename: 'lines', content: linesNamed(ids) })
    const { id: inputFile } = await files.finish(received, { purpose: 'batch' })
    const wish = { caller: { owner }, inputFile, endpoint }
    return book.create({ ...wish, ...(metadata && { metadata }) })
  }
  const ended = async (id: string): Promise<StoredBatch> => {
    const over = new Set(['completed', 'failed', 'expired', 'cancelled'])
    const isOver = async () => over.has((await book.find(owner, id)).status)
    await until('the batch has ended', isOver, 60_000)
    return book.find(owner, id)
  }
  const idsOf = async (file: string | undefined): Promise<string[]> => {
    if (file === undefined) return []
    const pieces: Uint8Array[] = []
    for await (const piece of (await files.open(owner, file)).content) pieces.push(piece)
    const lines = Buffer.concat(pieces).toString().trimEnd().split('\n')
    return lines.map((line) => String(Reflect.get(Object(JSON.parse(line)), 'custom_id')))
  }
  const close = async (): Promise<void> => {
    await worker.close()
    await store.close()
  }
  const bookThatKeeps = (keepMs: number): BatchBook =>
    new BatchBook({ storage, files, webhookHosts, onChange, now, keepMs })
  return { store, book, bookThatKeeps, begin, ended, idsOf, faults, close }
}

async function* linesNamed(ids: readonly string[]): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < ids.length; at += 1_000) {
    yield Buffer.from(jsonLines(ids.slice(at, at + 1_000).map((id) => asking(id))))
  }
}

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`)

const answers: Dispatch = async () => ({
  status: 200,
  headers: {},
  body: JSON.stringify({ usage: { prompt_tokens: 2, completion_tokens: 1 } }),
})

describeEngines('a batch worker', (makePlace) => {
  it('ends a batch when its time is over; what was not asked is in the error file', async () => {
    await using place = await makePlace()
    const clock = { ms: 1_000_000 }
    let asked = 0
    const dispatch: Dispatch = async (line) => {
      asked += 1
      if (asked <= 3) return answers(line)
      clock.ms = 1_000_000 + 86_400_000
      return { status: 429, headers: { 'retry-after-ms': '1' }, body: '{}' }
    }
    const node = await startNode(place.options, dispatch, () => clock.ms)
    const url = 'https://hooks.example.com/'
    const { id } = await node.begin(names(40), { webhook_url: url })
    const batch = await node.ended(id)
    expect(await node.store.webhooks.due(clock.ms, 9)).toMatchObject([
      { batch: id, type: 'batch.expired', url, createdMs: clock.ms },
    ])
    expect(batch).toMatchObject({
      status: 'expired',
      counts: { total: 40, completed: 3, failed: 0 },
    })
    const done = await node.idsOf(batch.outputFile)
    const left = await node.idsOf(batch.errorFile)
    expect([done.length, left.length]).toEqual([3, 37])
    expect([...done, ...left].toSorted()).toEqual(names(40).toSorted())
    expect(node.faults).toEqual([])
    await node.close()
  })

  it('gives a place to whoever has fewest: a small batch does not wait for a large one', async () => {
    await using place = await makePlace()
    const asked: { body: string; answer: () => void }[] = []
    const dispatch: Dispatch = async (line) => {
      await new Promise<void>((answer) => asked.push({ body: line.body, answer }))
      return answers(line)
    }
    const node = await startNode(place.options, dispatch, Date.now, 2)
    const large = await node.begin(names(30))
    await until('two lines of the large one run', () => asked.length === 2)
    const small = await node.begin(['small'])
    const status = async () => (await node.book.find(owner, small.id)).status
    await until('the small one may begin', async () => (await status()) === 'in_progress')
    asked[0]?.answer()
    await until('another line runs', () => asked.length === 3)
    expect(asked[2]?.body).toContain('Question small')
    await node.book.cancel(owner, large.id)
    for (const { answer } of asked) answer()
    await node.ended(large.id)
    await node.close()
  })

  it('is forgotten after its time, its files not, and what failed leaves no lines', async () => {
    await using place = await makePlace()
    const clock = { ms: 1_000_000 }
    const node = await startNode(place.options, answers, () => clock.ms)
    const book = node.bookThatKeeps(1_000)
    const done = await node.ended((await node.begin(names(3))).id)
    const wrong = await node.ended((await node.begin([...names(700), 'n1'])).id)
    expect([done.status, wrong.status]).toEqual(['completed', 'failed'])
    clock.ms += 1_000
    await book.clean()
    expect((await book.list(owner, { limit: 9 })).batches).toHaveLength(2)
    expect(await node.store.batches.unanswered(wrong.id, { after: -1, limit: 9 })).toEqual([])
    clock.ms += 1
    await book.clean()
    expect((await book.list(owner, { limit: 9 })).batches).toEqual([])
    expect(await node.idsOf(done.outputFile)).toEqual(names(3))
    await node.close()
  })

  it('asks a line three times that breaks', async () => {
    await using place = await makePlace()
    const asked = new Map<string, number>()
    const dispatch: Dispatch = async (line) => {
      const times = (asked.get(line.body) ?? 0) + 1
      asked.set(line.body, times)
      const isWell = line.body.includes('Question n1') && times === 3
      return isWell ? answers(line) : { status: 502, headers: {}, body: '{}' }
    }
    const node = await startNode(place.options, dispatch)
    const batch = await node.ended((await node.begin(names(2))).id)
    expect(batch.counts).toEqual({ total: 2, completed: 1, failed: 1 })
    expect([...asked.values()]).toEqual([3, 3])
    await node.close()
  })

  it('goes through 2,000 lines, each once and in order', { timeout: 90_000 }, async () => {
    await using place = await makePlace()
    const node = await startNode(place.options, answers)
    const batch = await node.ended((await node.begin(names(2_000))).id)
    expect(batch.counts).toEqual({ total: 2_000, completed: 2_000, failed: 0 })
    expect(batch.use).toMatchObject({ inputTokens: 4_000, outputTokens: 2_000 })
    expect(await node.idsOf(batch.outputFile)).toEqual(names(2_000))
    expect(node.faults).toEqual([])
    await node.close()
  })
})
