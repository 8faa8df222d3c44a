import { sql } from 'kysely'
import type { Database } from '../database.ts'
import type { DayUsage, UsageDays, UsageRow } from '../parts/usage.ts'

const sums = ['requests', 'input_tokens', 'cached_tokens', 'output_tokens', 'micros'] as const

/** The most rows of one answer. */
const longestList = 100_000
const removedAtOnce = 500

export function createUsage(database: Database): UsageDays {
  return {
    add: async (usages) => {
      if (usages.length === 0) return
      await database.write((queries) =>
        queries
          .insertInto('usage_day')
          .values(usages.map(toRow))
          .onConflict((conflict) =>
            conflict
              .columns(['owner', 'day', 'provider', 'model'])
              .doUpdateSet(
                Object.fromEntries(
                  sums.map((name) => [
                    name,
                    sql<number>`${sql.ref(`usage_day.${name}`)} + ${sql.ref(`excluded.${name}`)}`,
                  ]),
                ),
              ),
          )
          .execute(),
      )
    },
    list: ({ owner, from, to }) =>
      database.read(async (queries) => {
        const all = queries
          .selectFrom('usage_day')
          .selectAll()
          .where('day', '>=', from)
          .where('day', '<=', to)
          .orderBy('day', 'desc')
          .orderBy('owner')
          .orderBy('provider')
          .orderBy('model')
          .limit(longestList)
        const rows = await (owner === undefined ? all : all.where('owner', '=', owner)).execute()
        return rows.map(toUsage)
      }),
    removeBefore: (day) =>
      database.write(async (queries) => {
        const { numDeletedRows } = await queries
          .deleteFrom('usage_day')
          .where((is) =>
            is(
              is.refTuple('owner', 'day', 'provider', 'model'),
              'in',
              is
                .selectFrom('usage_day')
                .select(['owner', 'day', 'provider', 'model'])
                .where('day', '<', day)
                .limit(removedAtOnce)
                .$asTuple('owner', 'day', 'provider', 'model'),
            ),
          )
          .executeTakeFirstOrThrow()
        return numDeletedRows > 0n
      }),
  }
}

function toRow({ inputTokens, cachedTokens, outputTokens, ...same }: DayUsage): UsageRow {
  return {
    ...same,
    input_tokens: inputTokens,
    cached_tokens: cachedTokens,
    output_tokens: outputTokens,
  }
}

function toUsage(row: UsageRow): DayUsage {
  const { input_tokens, cached_tokens, output_tokens, ...same } = row
  return {
    ...same,
    inputTokens: input_tokens,
    cachedTokens: cached_tokens,
    outputTokens: output_tokens,
  }
}
