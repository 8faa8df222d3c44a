import type { Database } from '../database.ts'
import type { BreakerRow, Breakers, SavedBreaker } from '../parts/breakers.ts'

export function createBreakers(database: Database): Breakers {
  return {
    load: () =>
      database.read(async (queries) => {
        const rows = await queries.selectFrom('breaker').selectAll().execute()
        return rows.flatMap(breakerOf)
      }),
    save: (change) =>
      database.write(async (queries) => {
        const { provider, ...row } = rowOf(change)
        await queries
          .insertInto('breaker')
          .values({ provider, ...row })
          .onConflict((conflict) =>
            conflict
              .column('provider')
              .doUpdateSet(row)
              .where('breaker.changed_ms', '<=', row.changed_ms),
          )
          .execute()
      }),
    clean: (changedBeforeMs) =>
      database.write(async (queries) => {
        await queries.deleteFrom('breaker').where('changed_ms', '<', changedBeforeMs).execute()
      }),
  }
}

function rowOf({ provider, state, untilMs, code, changedMs }: SavedBreaker): BreakerRow {
  return { provider, state, until_ms: untilMs ?? null, code: code ?? null, changed_ms: changedMs }
}

/** A state that only a newer program knows is none. */
function breakerOf(row: BreakerRow): SavedBreaker[] {
  const { provider, state, until_ms: untilMs, code, changed_ms: changedMs } = row
  if (state !== 'closed' && state !== 'open' && state !== 'paused') return []
  return [
    {
      provider,
      state,
      ...(untilMs !== null && { untilMs }),
      ...(code !== null && { code }),
      changedMs,
    },
  ]
}
