import { sql } from 'kysely'
import type { DatabaseEngine, Queries } from '../database.ts'
import { nowMs } from '../now.ts'
import type { TakenItem } from '../parts/batches.ts'

const takenAtOnce = 500

type Taking = {
  id: string
  worker: string
  leaseMs: number
  limit: number
  engine: DatabaseEngine
}

/** Lines that nobody has had come first, then those of workers whose time is over. */
export async function takeLines(queries: Queries, wish: Taking): Promise<TakenItem[]> {
  const limit = Math.min(wish.limit, takenAtOnce)
  const taking = { ...wish, limit }
  const pending = await takeSome(queries, taking, 'pending')
  if (pending.length === limit) return pending
  const left = await takeSome(queries, { ...taking, limit: limit - pending.length }, 'left')
  return [...pending, ...left]
}

async function takeSome(
  queries: Queries,
  { id, worker, leaseMs, limit, engine }: Taking,
  which: 'pending' | 'left',
): Promise<TakenItem[]> {
  const now = nowMs(engine)
  const isPending = which === 'pending'
  const isFree = isPending
    ? sql<boolean>`state = 'pending'`
    : sql<boolean>`state = 'running' and until_ms <= ${now}`
  const chosen = queries
    .selectFrom('batch_item')
    .select('n')
    .where('batch', '=', id)
    .where(isFree)
    .orderBy('n')
    .limit(limit)
    // On SQLite nobody else writes meanwhile.
    .$if(engine === 'postgres', (query) => query.forUpdate().skipLocked())
  const rows = await queries
    .updateTable('batch_item')
    .set({ state: 'running', worker, until_ms: sql<number>`${now} + ${leaseMs}` })
    .where('batch', '=', id)
    .where('n', 'in', chosen)
    .where((is) =>
      is.exists(
        is
          .selectFrom('batch')
          .select('batch.id')
          .where('batch.id', '=', id)
          .where('batch.status', '=', 'in_progress'),
      ),
    )
    .returning(['n', 'at_byte', 'bytes', 'attempts'])
    .execute()
  return rows
    .map(({ n, at_byte: at, bytes, attempts }) => ({ n, at, bytes, attempts }))
    .toSorted((one, other) => one.n - other.n)
}
