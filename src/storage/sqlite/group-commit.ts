import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Queries } from '../database.ts'
import type { Tables } from '../tables.ts'
import type { SqliteDatabase } from './binding.ts'
import { isBusy, sqliteFailure } from './failures.ts'

type Job = {
  /** Does the work; returns what tells the caller, once it is known whether it is on the disk. */
  run(queries: Queries): Promise<unknown>
  resolve(value: never): void
  reject(error: unknown): void
}

/** How many writes share a transaction, and for how long it may hold up the event loop. */
const groupLimit = 500
const groupMs = 20
/** How long another process may keep the write lock. */
const patienceMs = 5_000

/**
 * The writes of one turn of the event loop, in one transaction: one wait for the disk for all of them. Each has a savepoint of its own, so
 * that one that fails takes nothing of the others with it; all are told after the commit.
 */
export class GroupCommit {
  readonly #database: SqliteDatabase
  readonly #kysely: Kysely<Tables>
  #jobs: Job[] = []
  #draining: Promise<void> | undefined
  #isInside = false

  constructor(database: SqliteDatabase, kysely: Kysely<Tables>) {
    this.#database = database
    this.#kysely = kysely
  }

  /**
   * Throws when it is called by a job, which would wait for itself for ever. A job waits for nothing but its queries, which are done at once: so
   * whatever runs until the first pause is its own.
   */
  expectOutside(): void {
    if (!this.#isInside) return
    throw new Error(
      'A read or write of the database inside of a write: it would wait for ever. Use the `queries` that the write is given, or do it before or after.',
    )
  }

  write<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({ run: work, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  /** Waits for everything that was asked so far. */
  async settled(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining
  }

  async #drain(): Promise<void> {
    while (this.#jobs.length > 0) {
      await new Promise(setImmediate)
      // Whoever reads waits until the transaction is over: it is the same connection.
      await this.#kysely.connection().execute((queries) => this.#group(queries))
    }
    this.#draining = undefined
  }

  async #group(queries: Queries): Promise<void> {
    const waiting = this.#jobs
    this.#jobs = []
    const done: (() => void)[] = []
    let taken = 0
    try {
      await this.#begin()
      const endsAt = performance.now() + groupMs
      while (taken < waiting.length && taken < groupLimit && performance.now() < endsAt) {
        const job = waiting[taken++]
        if (job !== undefined) done.push(await this.#one(job, queries))
      }
      this.#database.exec('commit')
    } catch (error) {
      this.#rollback()
      const failure = sqliteFailure(error)
      for (const job of waiting.slice(0, taken)) job.reject(failure)
      if (taken === 0) for (const job of waiting.splice(0)) job.reject(failure)
      done.length = 0
    }
    this.#jobs = [...waiting.slice(taken), ...this.#jobs]
    for (const tell of done) tell()
  }

  async #one(job: Job, queries: Queries): Promise<() => void> {
    this.#database.exec('savepoint job')
    try {
      this.#isInside = true
      process.nextTick(() => (this.#isInside = false))
      const value = await job.run(queries).finally(() => (this.#isInside = false))
      this.#database.exec('release job')
      return () => job.resolve(value as never)
    } catch (error) {
      // Throws when the failure has ended the whole transaction, as a full disk does.
      this.#database.exec('rollback to job; release job')
      return () => job.reject(sqliteFailure(error))
    }
  }

  async #begin(): Promise<void> {
    const endsAt = performance.now() + patienceMs
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
      try {
        this.#database.exec('begin immediate')
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() > endsAt) throw error
        await sleep(pauseMs)
      }
    }
  }

  #rollback(): void {
    try {
      this.#database.exec('rollback')
    } catch {
      // SQLite has done it already.
    }
  }
}
