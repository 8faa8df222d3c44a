import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Snooze } from '../lib/snooze.ts'
import type { StoredBatch, TakenItem } from '../storage/parts/batches.ts'
import { TurnError } from '../turn/error.ts'
import { finalize } from './finalize.ts'
import { LineWork } from './line-work.ts'
import { Pace } from './pace.ts'
import type { BatchFiles, BatchStorage, Dispatch } from './parts.ts'
import { validate } from './validate.ts'

export type BatchWorkerOptions = {
  storage: Promise<BatchStorage>
  files: BatchFiles
  dispatch: Dispatch
  /** How many lines may run now, those that do included; live requests come first. */
  room: (running: number) => number
  lineLimitBytes: number
  onFault: (error: unknown) => void
  /** A batch has ended. */
  onEnd?: () => void
  now?: () => number
}

/** How often it looks whether there is something to do: while there is, and while there is not. */
const lookMs = 250
const idleLookMs = 2_000
/** For so long a line, or the work on a whole batch, is a node's that does not say that it still lives. */
const leaseMs = 30_000
const renewMs = 10_000
/** After a failure that is nobody's line. */
const pauseMs = 5_000

type Open = { pace: Pace; running: number; isBusy: boolean; waitsUntilMs: number }

/**
 * Does what is to be done for batches: reads their lines, has them answered while there is room, writes their files. What it was doing when
 * it was killed is done again; README.md says why nothing is kept twice.
 */
export class BatchWorker {
  readonly #options: BatchWorkerOptions
  readonly #now: () => number
  readonly #open = new Map<string, Open>()
  readonly #work = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  readonly #looking: Promise<void>
  readonly #snooze = new Snooze()
  #worker = `node-${randomUUID()}`
  #lines = 0

  constructor(options: BatchWorkerOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#looking = this.#run()
  }

  /** There is something new to do. */
  wake(): void {
    this.#snooze.wake()
  }

  /** Begins nothing more, and waits for the lines that run. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.wake()
    await this.#looking
    await Promise.allSettled(this.#work)
  }

  async #run(): Promise<void> {
    const storage = await this.#options.storage.catch(() => undefined)
    if (!storage || this.#isOver) return
    // An embedded database has one server, and so what it had before is known.
    if (storage.engine === 'sqlite') this.#worker = 'sole'
    const renewing = setInterval(() => {
      if (this.#lines > 0) storage.batches.renew(this.#worker, leaseMs).catch(this.#fault)
    }, renewMs).unref()
    let isFresh = false
    while (!this.#isOver) {
      let isWell = true
      try {
        if (!isFresh && storage.engine === 'sqlite') await storage.batches.releaseAll(this.#worker)
        isFresh = true
        await this.#look(storage)
      } catch (error) {
        this.#fault(error)
        isWell = false
      }
      const ms = this.#open.size > 0 ? lookMs : idleLookMs
      await this.#snooze.pause(isWell ? ms : pauseMs)
    }
    clearInterval(renewing)
  }

  async #look(storage: BatchStorage): Promise<void> {
    const batches = await storage.batches.open()
    const ids = new Set(batches.map(({ id }) => id))
    for (const [id, open] of this.#open) {
      if (!ids.has(id) && open.running === 0 && !open.isBusy) this.#open.delete(id)
    }
    const inProgress: StoredBatch[] = []
    for (const batch of batches) {
      const open = this.#openOf(batch.id)
      if (open.isBusy || this.#now() < open.waitsUntilMs) continue
      if (batch.status === 'validating')
        this.#alone(storage, batch, () => this.#validate(storage, batch))
      else if (batch.status === 'in_progress' && this.#now() < batch.expiresMs && !isDone(batch))
        inProgress.push(batch)
      else this.#alone(storage, batch, () => this.#end(storage, batch))
    }
    await this.#fill(storage, inProgress)
  }

  /** Who has the fewest running lines comes first: a large batch does not hold up a small one. */
  async #fill({ batches }: BatchStorage, inProgress: StoredBatch[]): Promise<void> {
    const running = ({ id }: StoredBatch): number => this.#openOf(id).running
    let left = inProgress.toSorted((one, other) => running(one) - running(other))
    while (left.length > 0 && !this.#isOver) {
      const next: StoredBatch[] = []
      for (const [index, batch] of left.entries()) {
        const open = this.#openOf(batch.id)
        const free = this.#options.room(this.#lines) - this.#lines
        if (free <= 0 || this.#isOver) return
        const share = Math.ceil(free / (left.length - index))
        const limit = Math.min(share, open.pace.room(open.running, this.#now()))
        if (limit <= 0) continue
        const items = await batches.take(batch.id, this.#worker, { leaseMs, limit })
        for (const item of items) this.#begin(batch, item, open)
        if (items.length === limit) next.push(batch)
      }
      left = next
    }
  }

  #begin(batch: StoredBatch, item: TakenItem, open: Open): void {
    open.running += 1
    this.#lines += 1
    this.#keep(this.#answer(batch, item, open), () => {
      open.running -= 1
      this.#lines -= 1
    })
  }

  async #answer(batch: StoredBatch, item: TakenItem, open: Open): Promise<void> {
    const { batches } = await this.#options.storage
    const { files, dispatch } = this.#options
    const work = new LineWork({ batches, files, dispatch, worker: this.#worker })
    const outcome = await work.answer(batch, item)
    switch (outcome.type) {
      case 'answered':
        open.pace.speedUp()
        await this.#insist(() => outcome.keep())
        return
      case 'later':
        open.pace.slowDown(open.running, this.#now(), outcome.retryAfterMs)
        await this.#insist(() => batches.release(batch.id, item.n, this.#worker, false))
        return
      case 'again':
        await this.#insist(() => batches.release(batch.id, item.n, this.#worker, true))
    }
  }

  /** An answer is not lost because the storage is away for a while; when the server stops, the line is asked again later. */
  async #insist(write: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await write()
        return
      } catch (error) {
        if (TurnError.from(error).code !== 'storage_unavailable' || this.#isOver) throw error
        const { signal } = this.#closing
        // It rejects when the server stops, which the next failure tells.
        await sleep(1_000, undefined, { signal, ref: false }).catch(() => {})
      }
    }
  }

  async #validate({ batches }: BatchStorage, batch: StoredBatch): Promise<void> {
    const { files, lineLimitBytes } = this.#options
    const isOver = (): boolean => this.#isOver
    await validate(batch, { files, batches, lineLimitBytes, now: this.#now, isOver })
    // When lines are wrong.
    this.#options.onEnd?.()
  }

  /** When no node has a line of it any more. */
  async #end({ batches }: BatchStorage, batch: StoredBatch): Promise<void> {
    if (this.#openOf(batch.id).running > 0 || (await batches.running(batch.id)) > 0) return
    const { files } = this.#options
    const now = this.#now
    const moved =
      batch.status === 'in_progress'
        ? await batches.move(batch.id, { from: ['in_progress'], to: 'finalizing', atMs: now() })
        : (await batches.open()).find(({ id }) => id === batch.id)
    if (moved === undefined) return
    await finalize(moved, { files, batches, now })
    this.#options.onEnd?.()
    while (!this.#isOver && (await batches.prune()));
  }

  /** What one node does for a batch as a whole. */
  #alone({ leases }: BatchStorage, { id }: StoredBatch, work: () => Promise<void>): void {
    const open = this.#openOf(id)
    open.isBusy = true
    const name = `batch ${id}`
    const hold = (): Promise<boolean> => leases.acquire(name, this.#worker, leaseMs)
    const doing = async (): Promise<void> => {
      if (!(await hold())) return
      const renewing = setInterval(() => void hold().catch(this.#fault), renewMs).unref()
      try {
        await work()
      } catch (error) {
        open.waitsUntilMs = this.#now() + pauseMs
        throw error
      } finally {
        clearInterval(renewing)
        await leases.release(name, this.#worker)
      }
    }
    this.#keep(doing(), () => (open.isBusy = false))
  }

  #keep(work: Promise<void>, after: () => void): void {
    const kept = work.catch(this.#fault).finally(() => {
      after()
      this.#work.delete(kept)
      this.wake()
    })
    this.#work.add(kept)
  }

  /** The storage tells of itself when it is away. */
  readonly #fault = (error: unknown): void => {
    if (TurnError.from(error).code !== 'storage_unavailable') this.#options.onFault(error)
  }

  #openOf(id: string): Open {
    const open = this.#open.get(id) ?? {
      pace: new Pace(),
      running: 0,
      isBusy: false,
      waitsUntilMs: 0,
    }
    this.#open.set(id, open)
    return open
  }

  get #isOver(): boolean {
    return this.#closing.signal.aborted
  }
}

function isDone({ counts }: StoredBatch): boolean {
  return counts.completed + counts.failed >= counts.total
}
