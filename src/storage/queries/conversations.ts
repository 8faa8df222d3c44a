import type { Database, Queries } from '../database.ts'
import type {
  Conversation,
  ConversationItem,
  ConversationRow,
  Conversations,
} from '../parts/conversations.ts'
import type { Sealer } from '../sealer.ts'

/** How many conversations one transaction removes at the most. */
const slice = 50

export function createConversations(database: Database, sealer: Sealer): Conversations {
  return {
    insert: (conversation) =>
      database.write(async (queries) => {
        await queries.insertInto('conversation').values(rowOf(conversation, sealer)).execute()
      }),
    find: (owner, id) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('conversation')
          .selectAll()
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirst()
        return row && conversationOf(row, sealer)
      }),
    change: (owner, id, metadata) =>
      database.write(async (queries) => {
        const { numUpdatedRows } = await queries
          .updateTable('conversation')
          .set({ metadata: sealer.seal(metadata, `conversation ${id}`) })
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirstOrThrow()
        return numUpdatedRows > 0n
      }),
    remove: (owner, id) =>
      database.write(async (queries) => {
        const { numDeletedRows } = await queries
          .deleteFrom('conversation')
          .where('id', '=', id)
          .where('owner', '=', owner)
          .executeTakeFirstOrThrow()
        if (numDeletedRows === 0n) return false
        await queries.deleteFrom('conversation_item').where('conversation', '=', id).execute()
        return true
      }),
    append: (owner, id, items, nowMs) => {
      const rows = items.map((item) => ({
        id: item.id,
        body: sealer.seal(item.body, aboutItem(id, item.id)),
      }))
      return database.write((queries) => append(queries, { owner, id, nowMs }, rows))
    },
    items: (id) =>
      database.read(async (queries) => {
        const rows = await queries
          .selectFrom('conversation_item')
          .select(['id', 'body'])
          .where('conversation', '=', id)
          .orderBy('n')
          .execute()
        return rows.map((row) => ({
          id: row.id,
          body: sealer.open(row.body, aboutItem(id, row.id)),
        }))
      }),
    findItem: (owner, item) =>
      database.read(async (queries) => {
        const row = await queries
          .selectFrom('conversation_item')
          .innerJoin('conversation', 'conversation.id', 'conversation_item.conversation')
          .select(['conversation_item.conversation', 'conversation_item.body'])
          .where('conversation_item.id', '=', item)
          .where('conversation.owner', '=', owner)
          .limit(1)
          .executeTakeFirst()
        if (row === undefined) return undefined
        return { id: item, body: sealer.open(row.body, aboutItem(row.conversation, item)) }
      }),
    removeItem: (id, item) =>
      database.write(async (queries) => {
        const { numDeletedRows } = await queries
          .deleteFrom('conversation_item')
          .where('conversation', '=', id)
          .where('id', '=', item)
          .executeTakeFirstOrThrow()
        return numDeletedRows > 0n
      }),
    async clean(usedBeforeMs) {
      for (let some = slice; some === slice;) {
        some = await database.write((queries) => removeOld(queries, usedBeforeMs))
      }
    },
  }
}

/** Its row is changed first, and so locked: of two that add at once, one waits. */
async function append(
  queries: Queries,
  { owner, id, nowMs }: { owner: string; id: string; nowMs: number },
  rows: readonly ConversationItem[],
): Promise<boolean> {
  const { numUpdatedRows } = await queries
    .updateTable('conversation')
    .set({ used_ms: nowMs })
    .where('id', '=', id)
    .where('owner', '=', owner)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) return false
  if (rows.length === 0) return true
  const last = await queries
    .selectFrom('conversation_item')
    .select(({ fn }) => fn.max<string | number | null>('n').as('n'))
    .where('conversation', '=', id)
    .executeTakeFirst()
  const begin = Number(last?.n ?? -1) + 1
  await queries
    .insertInto('conversation_item')
    .values(rows.map((row, index) => ({ conversation: id, n: begin + index, ...row })))
    .execute()
  return true
}

async function removeOld(queries: Queries, usedBeforeMs: number): Promise<number> {
  const old = await queries
    .selectFrom('conversation')
    .select('id')
    .where('used_ms', '<', usedBeforeMs)
    .limit(slice)
    .execute()
  const ids = old.map(({ id }) => id)
  if (ids.length === 0) return 0
  await queries.deleteFrom('conversation_item').where('conversation', 'in', ids).execute()
  await queries.deleteFrom('conversation').where('id', 'in', ids).execute()
  return ids.length
}

function aboutItem(conversation: string, id: string): string {
  return `conversation_item ${conversation} ${id}`
}

function rowOf(conversation: Conversation, sealer: Sealer): ConversationRow {
  const { id, owner, createdMs, usedMs, metadata } = conversation
  return {
    id,
    owner,
    created_ms: createdMs,
    used_ms: usedMs,
    metadata: sealer.seal(metadata, `conversation ${id}`),
  }
}

function conversationOf(row: ConversationRow, sealer: Sealer): Conversation {
  const { id, owner, created_ms: createdMs, used_ms: usedMs, metadata } = row
  return {
    id,
    owner,
    createdMs,
    usedMs,
    metadata: sealer.open(metadata, `conversation ${id}`),
  }
}
