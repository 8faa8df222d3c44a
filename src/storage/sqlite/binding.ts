import { TurnError } from '../../turn/error.ts'

/** The part of Node's `node:sqlite` that is used; the typings of Node 20 have none. */
export type SqliteStatement = {
  columns(): unknown[]
  all(...values: SqliteValue[]): unknown[]
  iterate(...values: SqliteValue[]): IterableIterator<unknown>
  run(...values: SqliteValue[]): { changes: number | bigint; lastInsertRowid: number | bigint }
}
export type SqliteValue = string | number | bigint | null | Uint8Array
export type SqliteDatabase = {
  exec(sql: string): void
  prepare(sql: string): SqliteStatement
  close(): void
}
export type SqliteBinding = {
  DatabaseSync: new (path: string, options?: { readOnly?: boolean }) => SqliteDatabase
  /** `rate`: how many pages it copies in one go. */
  backup(source: SqliteDatabase, path: string, options: { rate: number }): Promise<unknown>
}

const builtIn = 'node:sqlite'
const addon = '@photostructure/sqlite'

/**
 * SQLite: Node's own module where it is finished (Node 24.15) and has the core that no longer damages a WAL (3.51.3), the addon with the
 * same interface elsewhere; the other one when that does not load. Throws `storage_unavailable` when neither does.
 */
export async function loadSqlite(): Promise<SqliteBinding> {
  const order = builtInIsGood() ? [builtIn, addon] : [addon, builtIn]
  const failures: string[] = []
  for (const name of order) {
    try {
      const module: unknown = await import(name)
      if (isBinding(module)) return module
      failures.push(`${name} has no DatabaseSync`)
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new TurnError(
    'storage_unavailable',
    `SQLite cannot be loaded (${failures.join('; ')}). Use Node 24.15 or later, install the optional package ${addon}, or set DATABASE_URL.`,
  )
}

function builtInIsGood(): boolean {
  const { node, sqlite } = process.versions
  return sqlite !== undefined && isAtLeast(node, [24, 15, 0]) && isAtLeast(sqlite, [3, 51, 3])
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}

function isBinding(module: unknown): module is SqliteBinding {
  return (
    typeof module === 'object' &&
    module !== null &&
    'DatabaseSync' in module &&
    typeof module.DatabaseSync === 'function'
  )
}
