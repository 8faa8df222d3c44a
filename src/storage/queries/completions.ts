import type { Database, Queries } from '../database.ts'
import type {
  CompletionQuery,
  CompletionRow,
  Completions,
  StoredCompletion,
} from '../parts/completions.ts'
import type { Sealer } from '../sealer.ts'

/** What is read of a row where the messages are not asked for: they may be large. */
const columns = [
  'owner',
  'id',
  'asked_model',
  'model',
  'metadata',
  'answer',
  'created_ms',
] as const satisfies (keyof CompletionRow)[]

type ShownRow = Omit<CompletionRow, 'messages'>

const stepSize = 100

export function createCompletions(database: Database, sealer: Sealer): Completions {
  const shown = (row: ShownRow | undefined): StoredCompletion | undefined =>
    row && toCompletion(row, sealer)
  return {
    async insert(completion, messages) {
      const row = toRow(completion, messages, sealer)
      await database.write((queries) => insert(queries, row))
    },
    find: async (owner, id) => shown(await database.read((queries) => find(queries, owner, id))),
    messages: (owner, id) => messagesOf(database, sealer, owner, id),
    list: (owner, query) => list(database, sealer, owner, query),
    async setMetadata(owner, id, metadata) {
      const sealed = sealer.seal(JSON.stringify(metadata), about(owner, id, 'metadata'))
      const changed = await database.write((queries) =>
        queries
          .updateTable('completion')
          .set({ metadata: sealed })
          .where('owner', '=', owner)
          .where('id', '=', id)
          .returning(columns)
          .executeTakeFirst(),
      )
      return shown(changed)
    },
    remove: (owner, id) =>
      database.write(async (queries) => {
        const { numDeletedRows } = await queries
          .deleteFrom('completion')
          .where('owner', '=', owner)
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
        return numDeletedRows === 1n
      }),
    removeOlder: (createdBeforeMs) =>
      database.write((queries) => removeOlder(queries, createdBeforeMs)),
  }
}

async function insert(queries: Queries, row: CompletionRow): Promise<void> {
  const { owner: _owner, id: _id, ...rest } = row
  await queries
    .insertInto('completion')
    .values(row)
    .onConflict((conflict) => conflict.columns(['owner', 'id']).doUpdateSet(rest))
    .execute()
}

function find(queries: Queries, owner: string, id: string): Promise<ShownRow | undefined> {
  return queries
    .selectFrom('completion')
    .select(columns)
    .where('owner', '=', owner)
    .where('id', '=', id)
    .executeTakeFirst()
}

async function messagesOf(
  database: Database,
  sealer: Sealer,
  owner: string,
  id: string,
): Promise<unknown[] | undefined> {
  const row = await database.read((queries) =>
    queries
      .selectFrom('completion')
      .select('messages')
      .where('owner', '=', owner)
      .where('id', '=', id)
      .executeTakeFirst(),
  )
  return row && (JSON.parse(sealer.open(row.messages, about(owner, id, 'messages'))) as unknown[])
}

/** Metadata may be sealed, so it is compared here and not by the database. */
async function list(
  database: Database,
  sealer: Sealer,
  owner: string,
  query: CompletionQuery,
): Promise<StoredCompletion[]> {
  const { limit, metadata = {} } = query
  const wanted = Object.entries(metadata)
  const size = wanted.length === 0 ? limit : stepSize
  const found: StoredCompletion[] = []
  for (let last = query.after; ;) {
    const step = { ...query, limit: size, ...(last !== undefined && { after: last }) }
    const rows = await database.read((queries) => page(queries, owner, step))
    for (const row of rows) {
      const completion = toCompletion(row, sealer)
      if (wanted.every(([name, value]) => completion.metadata[name] === value))
        found.push(completion)
    }
    if (found.length >= limit || rows.length < size) return found.slice(0, limit)
    last = rows.at(-1)?.id
  }
}

async function page(
  queries: Queries,
  owner: string,
  { limit, after, order, model }: CompletionQuery,
): Promise<ShownRow[]> {
  let selected = queries.selectFrom('completion').select(columns).where('owner', '=', owner)
  if (after !== undefined) {
    const last = await find(queries, owner, after)
    if (last === undefined) return []
    const beyond = order === 'asc' ? '>' : '<'
    selected = selected.where((is) =>
      is.or([
        is('created_ms', beyond, last.created_ms),
        is.and([is('created_ms', '=', last.created_ms), is('id', beyond, after)]),
      ]),
    )
  }
  if (model !== undefined) {
    selected = selected.where((is) =>
      is.or([is('model', '=', model), is('asked_model', '=', model)]),
    )
  }
  return selected.orderBy('created_ms', order).orderBy('id', order).limit(limit).execute()
}

async function removeOlder(queries: Queries, createdBeforeMs: number): Promise<number> {
  const old = await queries
    .selectFrom('completion')
    .select(['owner', 'id'])
    .where('created_ms', '<', createdBeforeMs)
    .orderBy('created_ms')
    .limit(stepSize)
    .execute()
  for (const { owner, id } of old) {
    await queries.deleteFrom('completion').where('owner', '=', owner).where('id', '=', id).execute()
  }
  return old.length
}

function toRow(
  { owner, id, askedModel, model, metadata, answer, createdMs }: StoredCompletion,
  messages: readonly unknown[],
  sealer: Sealer,
): CompletionRow {
  const seal = (value: unknown, part: string): string =>
    sealer.seal(JSON.stringify(value), about(owner, id, part))
  return {
    owner,
    id,
    asked_model: askedModel ?? null,
    model,
    metadata: seal(metadata, 'metadata'),
    messages: seal(messages, 'messages'),
    answer: seal(answer, 'answer'),
    created_ms: createdMs,
  }
}

function toCompletion(row: ShownRow, sealer: Sealer): StoredCompletion {
  const { owner, id } = row
  const open = (text: string, part: string): Record<string, unknown> =>
    JSON.parse(sealer.open(text, about(owner, id, part))) as Record<string, unknown>
  return {
    id,
    owner,
    ...(row.asked_model !== null && { askedModel: row.asked_model }),
    model: row.model,
    metadata: open(row.metadata, 'metadata') as Record<string, string>,
    answer: open(row.answer, 'answer'),
    createdMs: row.created_ms,
  }
}

function about(owner: string, id: string, part: string): string {
  return `completion ${owner} ${id} ${part}`
}
