import { SqliteDialect } from 'kysely'
import { LRUCache } from 'lru-cache'
import { nulFailure } from '../failures.ts'
import type { SqliteDatabase, SqliteStatement, SqliteValue } from './binding.ts'

type Prepared = SqliteStatement & { reader: boolean }

/** Kysely's dialect over the interface of `node:sqlite`; statements stay prepared. */
export function sqliteDialect(database: SqliteDatabase): SqliteDialect {
  const prepared = new LRUCache<string, Prepared>({ max: 200 })
  const prepare = (text: string): Prepared => {
    const known = prepared.get(text)
    if (known !== undefined) return known
    const statement = database.prepare(text)
    const made = Object.assign(statement, { reader: statement.columns().length > 0 })
    prepared.set(text, made)
    return made
  }
  return new SqliteDialect({
    database: {
      close: () => {},
      prepare(text) {
        const statement = prepare(text)
        return {
          reader: statement.reader,
          all: (values) => statement.all(...values.map(bound)),
          run: (values) => statement.run(...values.map(bound)),
          // A statement of its own: it stays open between two rows.
          iterate: (values) => database.prepare(text).iterate(...values.map(bound)),
        }
      },
    },
  })
}

/** What may be bound: other values the bindings take for something else, or cut off, without a word. */
function bound(value: unknown): SqliteValue {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw nulFailure()
    return value
  }
  if (typeof value === 'number' || typeof value === 'bigint' || value === null) return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`A value of type ${typeof value} cannot be bound to a query.`)
}
