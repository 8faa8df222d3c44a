import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { startTestPostgres } from '../test/support/postgres.ts'

/** A Postgres for one demonstration: `url` names a schema of its own there, which goes with it. */
export type DemoPostgres = AsyncDisposable & { url: string; whose: string }

/** Uses the one of `DATABASE_URL`, or starts the machine's own. Throws a sentence that says what to do where there is neither. */
export async function openDemoPostgres(
  databaseUrl: string | undefined,
  isInstalled: boolean,
): Promise<DemoPostgres> {
  const schema = `claude_code_api_demo_${randomUUID().slice(0, 8)}`
  if (databaseUrl !== undefined && databaseUrl !== '') return inDatabase(databaseUrl, schema)
  if (!isInstalled) {
    throw new Error(
      'there is no Postgres here. Install it (`apt-get install postgresql`, `brew install postgresql`), ' +
        'or set DATABASE_URL=postgres://user:password@host/database.',
    )
  }
  const postgres = await startTestPostgres()
  return {
    url: postgres.url(schema),
    whose: 'started for this demonstration',
    [Symbol.asyncDispose]: () => postgres.close(),
  }
}

async function inDatabase(databaseUrl: string, schema: string): Promise<DemoPostgres> {
  const url = new URL(databaseUrl)
  url.searchParams.delete('schema')
  const database = url.href
  url.searchParams.set('schema', schema)
  await query(database, 'select 1').catch((error: Error) => {
    throw new Error(`the Postgres of DATABASE_URL cannot be used: ${error.message}`)
  })
  return {
    url: url.href,
    whose: `of DATABASE_URL, in a schema ${schema} that goes at the end`,
    [Symbol.asyncDispose]: () => query(database, `drop schema if exists ${schema} cascade`),
  }
}

async function query(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 })
  try {
    await client.connect()
    await client.query(text)
  } finally {
    await client.end()
  }
}
