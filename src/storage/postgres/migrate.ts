import type pg from 'pg'
import { type Migration, migrationsFor, pendingSteps, versionTable } from '../migrate.ts'

/** Does the missing steps, all or none; of nodes that start at once one does them and the others wait. Returns them. */
export async function migratePostgres(pool: pg.Pool, schema: string): Promise<Migration[]> {
  const steps = migrationsFor('postgres')
  const client = await pool.connect()
  let failure: Error | undefined
  try {
    await client.query('begin')
    // An index of a large table takes its time.
    await client.query('set local statement_timeout = 0')
    await client.query('select pg_advisory_xact_lock(hashtext($1), hashtext($2))', [
      'claude-code-api schema',
      schema,
    ])
    const { rows } = await client.query('select 1 from pg_namespace where nspname = $1', [schema])
    // Not every user may create a schema that is there already.
    if (rows.length === 0) await client.query(`create schema ${client.escapeIdentifier(schema)}`)
    await client.query(`set local search_path to ${client.escapeIdentifier(schema)}`)
    await client.query(versionTable)
    const pending = pendingSteps(steps, await doneSteps(client))
    for (const { version, name, text } of pending) {
      await client.query(text)
      await client.query('insert into schema_version values ($1, $2, $3)', [
        version,
        name,
        Date.now(),
      ])
    }
    await client.query('commit')
    return pending
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
    throw error
  } finally {
    // A connection that failed is thrown away, its transaction with it.
    client.release(failure)
  }
}

async function doneSteps(client: pg.PoolClient): Promise<number[]> {
  const { rows } = await client.query<{ version: number }>('select version from schema_version')
  return rows.map(({ version }) => version)
}
