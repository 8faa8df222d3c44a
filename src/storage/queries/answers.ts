import type { Database, Queries } from '../database.ts'
import type { Sealer } from '../sealer.ts'
import type { AnswerRow, Answers, AnswerSummary, ClearingRow } from '../parts/answers.ts'

/** What one transaction removes at the most. */
const slice = 500
const longestList = 1_000
/** How long other nodes have to hear of a clearing. */
const clearingsKeptMs = 3_600_000

export function createAnswers(database: Database, sealer: Sealer): Answers {
  return {
    async find(key, nowMs) {
      const row = await database.read((queries) =>
        queries.selectFrom('answer').selectAll().where('key', '=', key).executeTakeFirst(),
      )
      if (row === undefined) return undefined
      await database.write(async (queries) => {
        await queries.updateTable('answer').set({ used_ms: nowMs }).where('key', '=', key).execute()
      })
      return { ...summaryOf(row), events: sealer.open(row.events, `answer ${key}`) }
    },
    put: ({ storedMs, ...answer }) => {
      const events = sealer.seal(answer.events, `answer ${answer.key}`)
      return database.write(async (queries) => {
        const row = { ...answer, events, stored_ms: storedMs, used_ms: storedMs }
        const { key: _key, ...changed } = row
        await queries
          .insertInto('answer')
          .values(row)
          .onConflict((conflict) => conflict.column('key').doUpdateSet(changed))
          .execute()
      })
    },
    list: (scope) =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('answer')
          .select(['key', 'scope', 'provider', 'model', 'tokens', 'bytes', 'stored_ms'])
          .where('scope', '=', scope)
          .orderBy('stored_ms', 'desc')
          .limit(longestList)
          .execute()
        return rows.map(summaryOf)
      }),
    async clear({ scope, key, clearedMs }) {
      await database.write(async (queries) => {
        await queries
          .insertInto('answer_clearing')
          .values({ scope, key: key ?? '', cleared_ms: clearedMs })
          .onConflict((conflict) =>
            conflict.columns(['scope', 'key']).doUpdateSet({ cleared_ms: clearedMs }),
          )
          .execute()
      })
      let all = 0
      for (let some = slice; some === slice; all += some) {
        some = await database.write((queries) => removeOf(queries, scope, key))
      }
      return all
    },
    clearedSince: (ms) =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('answer_clearing')
          .selectAll()
          .where('cleared_ms', '>=', ms)
          .execute()
        return rows.map(clearingOf)
      }),
    async clean({ storedBeforeMs, entries, bytes }) {
      await database.write(async (queries) => {
        await queries
          .deleteFrom('answer_clearing')
          .where('cleared_ms', '<', storedBeforeMs - clearingsKeptMs)
          .execute()
      })
      for (let some = slice; some === slice;) {
        some = await database.write((queries) => removeOld(queries, storedBeforeMs))
      }
      for (let some = slice; some === slice;) {
        some = await database.write((queries) => removeBeyond(queries, { entries, bytes }))
      }
    },
  }
}

async function removeOf(queries: Queries, scope: string, key: string | undefined): Promise<number> {
  const found = await queries
    .selectFrom('answer')
    .select('key')
    .where('scope', '=', scope)
    .$if(key !== undefined, (query) => query.where('key', '=', key ?? ''))
    .limit(slice)
    .execute()
  return remove(queries, found)
}

async function removeOld(queries: Queries, storedBeforeMs: number): Promise<number> {
  const old = await queries
    .selectFrom('answer')
    .select('key')
    .where('stored_ms', '<', storedBeforeMs)
    .limit(slice)
    .execute()
  return remove(queries, old)
}

async function removeBeyond(
  queries: Queries,
  limits: { entries: number; bytes: number },
): Promise<number> {
  const { count, bytes } = await queries
    .selectFrom('answer')
    .select(({ fn }) => [
      fn.countAll<number>().as('count'),
      fn.sum<string | number | null>('bytes').as('bytes'),
    ])
    .executeTakeFirstOrThrow()
  let tooMany = count - limits.entries
  let tooMuch = Number(bytes) - limits.bytes
  if (tooMany <= 0 && tooMuch <= 0) return 0
  const oldest = await queries
    .selectFrom('answer')
    .select(['key', 'bytes'])
    .orderBy('used_ms')
    .limit(slice)
    .execute()
  const gone: { key: string }[] = []
  for (const { key, bytes: size } of oldest) {
    if (tooMany <= 0 && tooMuch <= 0) break
    gone.push({ key })
    tooMany -= 1
    tooMuch -= size
  }
  return remove(queries, gone)
}

async function remove(queries: Queries, rows: readonly { key: string }[]): Promise<number> {
  if (rows.length === 0) return 0
  const keys = rows.map(({ key }) => key)
  const { numDeletedRows } = await queries
    .deleteFrom('answer')
    .where('key', 'in', keys)
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

function summaryOf({
  key,
  scope,
  provider,
  model,
  tokens,
  bytes,
  stored_ms: storedMs,
}: Omit<AnswerRow, 'events' | 'used_ms'>): AnswerSummary {
  return { key, scope, provider, model, tokens, bytes, storedMs }
}

function clearingOf({ scope, key, cleared_ms: clearedMs }: ClearingRow): {
  scope: string
  key?: string
  clearedMs: number
} {
  return { scope, ...(key !== '' && { key }), clearedMs }
}
