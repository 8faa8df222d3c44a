import { afterAll, beforeAll, describe } from 'vitest'
import type { StoreOptions } from '../../src/storage/open-store.ts'
import { temporaryFolder } from '../support/claude.ts'
import { postgresPrograms, startTestPostgres, type TestPostgres } from '../support/postgres.ts'

/** Room for one store, empty at first: whoever opens it with the same options finds what was kept. */
export type Place = AsyncDisposable & { options: StoreOptions }

export type MakePlace = () => Promise<Place>

/**
 * The same tests on SQLite and on a real Postgres, which runs for as long as they do. The half for Postgres is skipped, and says so, where
 * Postgres is not installed.
 */
export function describeEngines(title: string, suite: (makePlace: MakePlace) => void): void {
  describe(`${title}, on SQLite`, () => {
    suite(() => place({}))
  })
  describe.skipIf(postgresPrograms === undefined)(
    `${title}, on Postgres (needs its programs)`,
    () => {
      let postgres: TestPostgres | undefined
      beforeAll(async () => {
        postgres = await startTestPostgres()
      })
      afterAll(() => postgres?.close())
      suite(() => place({ databaseUrl: started(postgres).url() }))
    },
  )
}

async function place(options: Partial<StoreOptions>): Promise<Place> {
  const folder = await temporaryFolder()
  return {
    options: { dataDir: folder.path, ...options },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

function started(postgres: TestPostgres | undefined): TestPostgres {
  if (postgres === undefined) throw new Error('Postgres has not been started.')
  return postgres
}
