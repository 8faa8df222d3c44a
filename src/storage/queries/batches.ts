import { type ExpressionBuilder, sql } from 'kysely'
import type { Database, Queries } from '../database.ts'
import { nowMs } from '../now.ts'
import type { Batches, BatchMove, BatchResult, StoredBatch } from '../parts/batches.ts'
import type { Sealer } from '../sealer.ts'
import type { Tables } from '../tables.ts'
import { openStates, prune, removeOld } from './batch-pruning.ts'
import { batchOf, batchRowOf } from './batch-rows.ts'
import { takeLines } from './batch-taking.ts'
import { finishFile } from './files.ts'
import { insertWebhook } from './webhooks.ts'

export function createBatches(database: Database, sealer: Sealer): Batches {
  const now = nowMs(database.engine)
  return {
    insert: (batch) => {
      const row = batchRowOf(batch, sealer)
      return database.write(async (queries) => {
        await queries.insertInto('batch').values(row).execute()
      })
    },
    find: (owner, id) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('batch')
          .selectAll()
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirst()
        return row && batchOf(row, sealer)
      }),
    list: (query) => database.read((queries) => list(queries, query, sealer)),
    open: () =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('batch')
          .selectAll()
          .where('status', 'in', openStates)
          .orderBy('created_ms')
          .limit(100)
          .execute()
        return rows.map((row) => batchOf(row, sealer))
      }),
    move: (id, change) => database.write((queries) => move(queries, id, change, sealer)),
    addItems: (id, items) => {
      const rows = items.map(({ n, at, bytes }) => ({
        batch: id,
        n,
        at_byte: at,
        bytes,
        state: 'pending',
        attempts: 0,
        worker: null,
        until_ms: 0,
      }))
      return database.write(async (queries) => {
        // Whoever reads the lines may be slower than the end of the batch.
        const { numUpdatedRows } = await queries
          .updateTable('batch')
          .set({ has_lines: 1 })
          .where('id', '=', id)
          .where('status', '=', 'validating')
          .executeTakeFirstOrThrow()
        if (numUpdatedRows !== 1n) return false
        await queries
          .insertInto('batch_item')
          .values(rows)
          .onConflict((conflict) => conflict.columns(['batch', 'n']).doNothing())
          .execute()
        return true
      })
    },
    take: (id, worker, how) => {
      const { engine } = database
      return database.write((queries) => takeLines(queries, { id, worker, ...how, engine }))
    },
    renew: (worker, leaseMs) =>
      database.write(async (queries) => {
        await queries
          .updateTable('batch_item')
          .set({ until_ms: sql<number>`${now} + ${leaseMs}` })
          .where('batch', 'in', openBatches)
          .where('state', '=', 'running')
          .where('worker', '=', worker)
          .execute()
      }),
    release: (id, n, worker, isAttempt) =>
      database.write(async (queries) => {
        await queries
          .updateTable('batch_item')
          .set((row) => ({
            state: 'pending',
            worker: null,
            attempts: row('attempts', '+', isAttempt ? 1 : 0),
          }))
          .where('batch', '=', id)
          .where('n', '=', n)
          .where('state', '=', 'running')
          .where('worker', '=', worker)
          .execute()
      }),
    releaseAll: (worker) =>
      database.write(async (queries) => {
        await queries
          .updateTable('batch_item')
          .set({ state: 'pending', worker: null })
          .where('batch', 'in', openBatches)
          .where('state', '=', 'running')
          .where('worker', '=', worker)
          .execute()
      }),
    finish: (id, worker, result) => {
      const body = sealer.seal(result.body, aboutResult(id, result.n))
      return database
        .write((queries) => finish(queries, id, worker, { ...result, body }))
        .catch((error: unknown) => {
          if (error instanceof HasEnded) return false
          throw error
        })
    },
    running: (id) =>
      database.read(async (queries) => {
        const { count } = await queries
          .selectFrom('batch_item')
          .select(({ fn }) => fn.countAll().as('count'))
          .where('batch', '=', id)
          .where('state', '=', 'running')
          .where('until_ms', '>', now)
          .executeTakeFirstOrThrow()
        return Number(count)
      }),
    results: (id, { isError, after, limit }) =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('batch_result')
          .selectAll()
          .where('batch', '=', id)
          .where('n', '>', after)
          .where('is_error', '=', isError ? 1 : 0)
          .orderBy('n')
          .limit(limit)
          .execute()
        return rows.map(({ n, body }) => ({
          n,
          isError,
          body: sealer.open(body, aboutResult(id, n)),
        }))
      }),
    unanswered: (id, { after, limit }) =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('batch_item')
          .select(['n', 'at_byte', 'bytes'])
          .where('batch', '=', id)
          .where('n', '>', after)
          .where('state', '!=', 'done')
          .orderBy('n')
          .limit(limit)
          .execute()
        return rows.map(({ n, at_byte: at, bytes }) => ({ n, at, bytes }))
      }),
    complete: (id, { output, error, from, ...end }) =>
      database.write(async (queries) => {
        const moved = await move(queries, id, { ...end, from: [from] }, sealer)
        if (moved === undefined) return false
        for (const file of [output, error]) if (file) await finishFile(queries, file)
        await queries
          .updateTable('batch')
          .set({ output_file: output?.id ?? null, error_file: error?.id ?? null })
          .where('id', '=', id)
          .execute()
        return true
      }),
    prune: () => database.write(prune),
    removeOld: (beforeMs) => database.write((queries) => removeOld(queries, beforeMs)),
  }
}

/** So that an index leads to their lines, however many others there are. */
function openBatches(of: ExpressionBuilder<Tables, 'batch_item'>) {
  return of.selectFrom('batch').select('batch.id').where('batch.status', 'in', openStates)
}

/** What an answer is sealed for. */
function aboutResult(id: string, n: number): string {
  return `batch ${id} ${n}`
}

async function list(
  queries: Queries,
  { owner, after, limit }: { owner: string; after?: string; limit: number },
  sealer: Sealer,
): Promise<StoredBatch[]> {
  const last =
    after === undefined
      ? undefined
      : await queries
          .selectFrom('batch')
          .select(['created_ms', 'id'])
          .where('id', '=', after)
          .where('owner', '=', owner)
          .executeTakeFirst()
  const rows = await queries
    .selectFrom('batch')
    .selectAll()
    .where('owner', '=', owner)
    .$if(last !== undefined, (query) =>
      query.where((is) =>
        is.or([
          is('created_ms', '<', last?.created_ms ?? 0),
          is.and([is('created_ms', '=', last?.created_ms ?? 0), is('id', '<', last?.id ?? '')]),
        ]),
      ),
    )
    .orderBy('created_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  return rows.map((row) => batchOf(row, sealer))
}

/** The state decides in the update, which also locks the row; what is read behind it cannot change any more. */
async function move(
  queries: Queries,
  id: string,
  { from, to, atMs, total, problems, counts, webhook }: BatchMove,
  sealer: Sealer,
): Promise<StoredBatch | undefined> {
  const row = await queries
    .updateTable('batch')
    .set({
      status: to,
      ...(total !== undefined && { total }),
      ...(problems && { problems: sealer.seal(JSON.stringify(problems), `batch ${id} problems`) }),
    })
    .where('id', '=', id)
    .where('status', 'in', from)
    .$if(counts !== undefined, (query) =>
      query
        .where('completed', '=', counts?.completed ?? 0)
        .where('failed', '=', counts?.failed ?? 0),
    )
    .returningAll()
    .executeTakeFirst()
  if (row === undefined) return undefined
  const batch = batchOf(row, sealer)
  const times = { ...batch.times, [to]: atMs }
  await queries
    .updateTable('batch')
    .set({ times: JSON.stringify(times) })
    .where('id', '=', id)
    .execute()
  if (webhook) await insertWebhook(queries, webhook, sealer)
  return { ...batch, times }
}

async function finish(
  queries: Queries,
  id: string,
  worker: string,
  { n, isError, body, use }: BatchResult,
): Promise<boolean> {
  const { numUpdatedRows } = await queries
    .updateTable('batch_item')
    .set({ state: 'done', worker: null })
    .where('batch', '=', id)
    .where('n', '=', n)
    .where('state', '=', 'running')
    .where('worker', '=', worker)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows !== 1n) return false
  await queries
    .insertInto('batch_result')
    .values({ batch: id, n, is_error: isError ? 1 : 0, body })
    .execute()
  const counted = await queries
    .updateTable('batch')
    .set((row) => ({
      completed: row('completed', '+', isError ? 0 : 1),
      failed: row('failed', '+', isError ? 1 : 0),
      input_tokens: row('input_tokens', '+', use?.inputTokens ?? 0),
      cached_tokens: row('cached_tokens', '+', use?.cachedTokens ?? 0),
      output_tokens: row('output_tokens', '+', use?.outputTokens ?? 0),
      reasoning_tokens: row('reasoning_tokens', '+', use?.reasoningTokens ?? 0),
      cost_micros: row('cost_micros', '+', use?.costMicros ?? 0),
    }))
    .where('id', '=', id)
    .where('status', 'in', openStates)
    .executeTakeFirstOrThrow()
  if (counted.numUpdatedRows !== 1n) throw new HasEnded()
  return true
}

/** Undoes what was written of an answer that came too late. */
class HasEnded extends Error {}
