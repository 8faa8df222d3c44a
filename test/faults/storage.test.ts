import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runBuiltServer, startBuiltServer } from '../api/server/built-server.ts'
import { ask } from '../api/server/support.ts'
import { openDatabase } from '../../src/storage/open-store.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { temporaryFolder } from '../support/claude.ts'
import { clientWith } from '../keys/support.ts'
import { postgresPrograms, startTestPostgres } from '../support/postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { eventually, models, watch } from './support.ts'
import { says } from '../scripted-anthropic/server.ts'

type Storage = { engine: string; ok: boolean; reason?: string }

async function storageOf(url: string, key?: string): Promise<Storage | undefined> {
  const headers = new Headers(key === undefined ? [] : [['authorization', `Bearer ${key}`]])
  const response = await fetch(`${url}/ready`, { headers })
  const { storage } = (await response.json()) as { storage?: Storage }
  return storage
}

async function providerOf(url: string, name: string): Promise<unknown> {
  const response = await fetch(`${url}/ready`)
  const { providers } = (await response.json()) as { providers?: { name: string }[] }
  return providers?.find((provider) => provider.name === name)
}

const works = async (server: { url: string }): Promise<boolean> =>
  (await storageOf(server.url))?.ok === true

/** Requests that need no storage are answered as ever. */
async function expectAnswer(server: TestServer): Promise<void> {
  models(server, says('As ever.'))
  expect((await ask(server.client)).text).toBe('As ever.')
}

describe('the storage of a server', { timeout: 60_000 }, () => {
  it('is SQLite in the data folder, for its owner only, and is told by /ready', async () => {
    await using server = await startTestServer()
    await eventually('it is open', () => works(server))
    expect(await storageOf(server.url)).toEqual({ engine: 'sqlite', ok: true })
    const folder = await stat(join(server.dataDir, 'state'))
    const file = await stat(join(server.dataDir, 'state', 'claude-code-api.db'))
    expect([folder.mode & 0o777, file.mode & 0o777]).toEqual([0o700, 0o600])
  })

  it('is one server’s: another is told who has it, and free when that one is killed', async () => {
    await using server = await startBuiltServer()
    await eventually('it is open', () => works(server))
    const settings = { DATA_DIR: server.dataDir }
    const { status, err } = await runBuiltServer(settings)
    expect({ status, err }).toEqual({
      status: 1,
      err:
        `Cannot start: Another server (process ${server.child.pid}) uses the data folder ${join(server.dataDir, 'state')}. ` +
        'Stop it, give this one another DATA_DIR, or let both share a Postgres with DATABASE_URL.\n',
    })
    server.child.kill('SIGKILL')
    await server.ended
    await using next = await startBuiltServer(settings)
    await eventually('the next has it', () => works(next))
  })

  it('keeps that a provider rests, over a restart', async () => {
    const settings = {
      FALLBACK_API_NAME_1: 'down',
      FALLBACK_API_URL_1: 'http://127.0.0.1:9/v1',
      PROVIDER_ORDER: 'down',
      BREAKER_FAILURES: '1',
      BREAKER_REST_SECONDS: '3600',
      RETRIES: '0',
    }
    await using before = await startBuiltServer(settings)
    await ask(before.client).catch(() => {})
    const rests = await providerOf(before.url, 'down')
    expect(rests).toMatchObject({ state: 'open', code: 'upstream_error' })
    before.child.kill('SIGTERM')
    await before.ended
    await using after = await startBuiltServer({ ...settings, DATA_DIR: before.dataDir })
    await expect.poll(() => providerOf(after.url, 'down')).toEqual(rests)
  })

  it('that a newer program has used stops the start', async () => {
    await using folder = await temporaryFolder()
    const dataDir = folder.path
    const database = await openDatabase({ dataDir })
    await database.write((queries) =>
      queries
        .insertInto('schema_version')
        .values({ version: 998, name: 'later', applied_ms: 1 })
        .execute(),
    )
    await database.close()
    const { status, err } = await runBuiltServer({ DATA_DIR: dataDir })
    expect(status).toBe(1)
    expect(err).toMatch(
      /^Cannot start: The database has been used by a newer claude-code-api .*\n$/,
    )
  })

  it('that cannot be opened leaves turns alone, and is opened when it can be', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    await mkdir(dataDir)
    // Where its folder should be there is a file.
    await writeFile(join(dataDir, 'state'), 'in the way')
    const warnings: string[] = []
    const telemetry = { ...silentTelemetry, warning: (text: string) => void warnings.push(text) }
    await using server = await startTestServer({ DATA_DIR: dataDir }, undefined, telemetry)
    await expectAnswer(server)
    expect(await storageOf(server.url)).toMatchObject({ engine: 'sqlite', ok: false })
    expect(warnings.join()).toContain(`the folder ${join(dataDir, 'state')} cannot be made`)
    await rm(join(dataDir, 'state'))
    await eventually('it is open', () => works(server))
    expect(warnings.join()).toContain('The storage can be used again.')
    await expectAnswer(server)
  })
})

describe.skipIf(postgresPrograms === undefined)(
  'a Postgres (needs its programs)',
  { timeout: 90_000 },
  () => {
    it('that goes away and comes back leaves turns alone', async () => {
      await using postgres = await startTestPostgres()
      await using server = await startTestServer({ DATABASE_URL: postgres.url() })
      const watched = watch(server)
      await eventually('it is open', () => works(server))
      expect(await storageOf(server.url)).toEqual({ engine: 'postgres', ok: true })
      await postgres.stop()
      await eventually('it is missed', async () => !(await works(server)))
      await expectAnswer(server)
      await postgres.start()
      await eventually('it is there again', () => works(server))
      await watched.expectWell(1)
    })

    it('that is away at the start is used when it comes', async () => {
      await using postgres = await startTestPostgres()
      await postgres.stop()
      const API_KEY = 'the-simple-key'
      await using server = await startTestServer({ DATABASE_URL: postgres.url(), API_KEY })
      await expectAnswer(server)
      const storage = (): Promise<Storage | undefined> => storageOf(server.url, API_KEY)
      expect(await storage()).toMatchObject({
        ok: false,
        reason: expect.stringContaining('cannot be reached') as string,
      })
      await postgres.start()
      await eventually('it is there', async () => (await storage())?.ok === true)
    })

    it('that is away keeps out whoever has no key, where others may have made some', async () => {
      await using postgres = await startTestPostgres()
      const settings = { DATABASE_URL: postgres.url() }
      await postgres.stop()
      await using server = await startTestServer(settings)
      const refusal = { status: 503, code: 'storage_unavailable' }
      await expect(ask(server.client)).rejects.toMatchObject(refusal)
      await expect(ask(clientWith(server, 'x'))).rejects.toMatchObject(refusal)
      expect((await fetch(`${server.url}/health`)).status).toBe(200)
      expect(server.anthropic.requests).toEqual([])
      await postgres.start()
      await eventually('it is there', () => works(server))
      // There are none after all.
      await expectAnswer(server)
    })
  },
)
