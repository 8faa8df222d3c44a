import type { Queries } from '../database.ts'
import type { BatchStatus } from '../parts/batches.ts'

/** In which a batch is worked on. */
export const openStates: readonly BatchStatus[] = [
  'validating',
  'in_progress',
  'finalizing',
  'cancelling',
]

/** Answers may be long, and what is deleted is overwritten. */
const pruneRows = { batch_item: 500, batch_result: 100 } as const
const oldBatches = 100

/** Takes some lines of a batch that has ended, of the oldest first; false when there are none left. */
export async function prune(queries: Queries): Promise<boolean> {
  const batch = await queries
    .selectFrom('batch')
    .select('id')
    .where('has_lines', '=', 1)
    .where('status', 'not in', openStates)
    .orderBy('created_ms')
    .limit(1)
    .executeTakeFirst()
  if (batch === undefined) return false
  for (const table of ['batch_item', 'batch_result'] as const) {
    const { numDeletedRows } = await queries
      .deleteFrom(table)
      .where('batch', '=', batch.id)
      .where('n', 'in', (of) =>
        of
          .selectFrom(table)
          .select('n')
          .where('batch', '=', batch.id)
          .orderBy('n')
          .limit(pruneRows[table]),
      )
      .executeTakeFirstOrThrow()
    if (numDeletedRows > 0n) return true
  }
  await queries.updateTable('batch').set({ has_lines: 0 }).where('id', '=', batch.id).execute()
  return true
}

/** Takes some batches that have no lines and were made before a time; false when there are none. */
export async function removeOld(queries: Queries, createdBeforeMs: number): Promise<boolean> {
  const { numDeletedRows } = await queries
    .deleteFrom('batch')
    .where('id', 'in', (of) =>
      of
        .selectFrom('batch')
        .select('id')
        .where('has_lines', '=', 0)
        .where('created_ms', '<', createdBeforeMs)
        .limit(oldBatches),
    )
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}
