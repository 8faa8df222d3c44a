import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { StoreOptions } from '../../src/storage/open-store.ts'
import { type ScriptedAnthropic, startScriptedAnthropic } from '../scripted-anthropic/server.ts'
import { disposal } from '../../src/lib/disposal.ts'
import { temporaryFolder } from '../support/claude.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** Servers with folders of their own that share a Postgres, and one scripted model behind them. */
export interface Nodes extends AsyncDisposable {
  all: TestServer[]
  anthropic: ScriptedAnthropic
  /** Opens what they share, as a command on yet another machine does. */
  storage: StoreOptions
  /** A workspace root of all of them. */
  workspace: string
}

/** Starts so many, all at once, on a schema of their own. `settings` are environment variables of each. */
export async function startNodes(
  postgres: TestPostgres,
  count: number,
  settings: Record<string, string> = {},
): Promise<Nodes> {
  const parts = disposal()
  try {
    const { path } = parts.use(await temporaryFolder())
    const anthropic = parts.use(await startScriptedAnthropic())
    const databaseUrl = postgres.url()
    const workspace = join(path, 'workspace')
    await mkdir(workspace)
    const shared = { DATABASE_URL: databaseUrl, WORKSPACE_ROOTS: workspace }
    const starting = Array.from({ length: count }, () =>
      startTestServer({ ...shared, ...settings }, anthropic),
    )
    const started = await Promise.allSettled(starting)
    const all = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    parts.defer(() => Promise.all(all.map((server) => server.close())))
    for (const result of started) if (result.status === 'rejected') throw result.reason
    return {
      all,
      anthropic,
      storage: { dataDir: path, databaseUrl, instance: 'command' },
      workspace,
      [Symbol.asyncDispose]: () => parts.dispose(),
    }
  } catch (error) {
    await parts.dispose()
    throw error
  }
}

/** A Postgres for the tests of a block. */
export function usePostgres(): () => TestPostgres {
  let postgres: TestPostgres | undefined
  beforeAll(async () => {
    postgres = await startTestPostgres()
  })
  afterAll(() => postgres?.close())
  return () => {
    if (postgres === undefined) throw new Error('Postgres has not been started.')
    return postgres
  }
}
