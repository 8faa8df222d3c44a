import { chmod, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/storage/open-store.ts'
import { startBuiltServer } from '../api/server/built-server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { postgresPrograms, startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { runMain } from './run-command.ts'

const change = { provider: 'p', state: 'open', untilMs: 5 } as const

async function keep(dataDir: string, changedMs: number): Promise<void> {
  const store = await openStore({ dataDir })
  await store.breakers.save({ ...change, changedMs })
  await store.close()
}

async function kept(dataDir: string): Promise<number[]> {
  const store = await openStore({ dataDir })
  const changes = await store.breakers.load()
  await store.close()
  return changes.map(({ changedMs }) => changedMs)
}

describe('migrate, backup and restore', { timeout: 60_000 }, () => {
  it('bring the schema up to date, and say which steps that took', async () => {
    await using folder = await temporaryFolder()
    const first = await runMain(['migrate'], { DATA_DIR: folder.path })
    expect(first).toMatchObject({ status: 0, err: '' })
    expect(first.out).toMatch(/^step 1 \(foundation\) done\n/)
    const again = await runMain(['migrate'], { DATA_DIR: folder.path })
    expect(again.out).toMatch(/^The database \(sqlite\) is at step \d+ \([\w-]+\)\.\n$/)
  })

  it('copy the database, and put the copy back, keeping what was there', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const file = join(folder.path, 'copy.db')
    await keep(dataDir, 1)
    expect(await runMain(['backup', file], { DATA_DIR: dataDir })).toMatchObject({ status: 0 })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await keep(dataDir, 2)

    const refused = await runMain(['restore', file], { DATA_DIR: dataDir })
    expect(refused).toMatchObject({ status: 1, out: '' })
    expect(refused.err).toContain('With --force')
    expect(await kept(dataDir)).toEqual([2])

    const done = await runMain(['restore', file, '--force'], { DATA_DIR: dataDir })
    expect(done).toMatchObject({ status: 0, err: '' })
    expect(await kept(dataDir)).toEqual([1])
    const files = await readdir(join(dataDir, 'state'))
    expect(files.filter((name) => /\.db\.\d{4}-/.test(name))).toHaveLength(1)
  })

  it('copy beside a running server, and put nothing in its place', async () => {
    await using server = await startBuiltServer()
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'copy.db')
    const settings = { DATA_DIR: server.dataDir }
    expect(await runMain(['backup', file], settings)).toMatchObject({ status: 0, err: '' })
    expect(await runMain(['restore', file, '--force'], settings)).toMatchObject({
      status: 1,
      err: `A server (process ${server.child.pid}) uses the data folder; stop it first.\n`,
    })
  })

  it('refuse a file that is there, that is not, and that is something else', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const other = join(folder.path, 'other')
    await writeFile(other, 'no database, but long enough to be looked at '.repeat(40))
    await keep(dataDir, 1)
    const run = async (...args: string[]): Promise<string> => {
      const { status, err } = await runMain(args, { DATA_DIR: dataDir })
      expect(status).toBe(1)
      return err
    }
    expect(await run('backup')).toContain('Name the file')
    expect(await run('backup', other)).toContain('is there already')
    expect(await run('restore', join(folder.path, 'none'), '--force')).toContain('There is no file')
    expect(await run('restore', other, '--force')).toContain('not a database of claude-code-api')
    expect(await kept(dataDir)).toEqual([1])
  })
})

type Findings = { findings: { check: string; status: string; message: string }[] }

async function storageFinding(env: Record<string, string>): Promise<Findings['findings'][number]> {
  const { out } = await runMain(['doctor', '--json'], { SANDBOX: 'off', PORT: '0', ...env })
  const { findings } = JSON.parse(out) as Findings
  const found = findings.find(({ check }) => check === 'storage')
  if (!found) throw new Error('The doctor says nothing of storage.')
  return found
}

describe('the doctor on storage', { timeout: 60_000 }, () => {
  it('makes nothing where there is nothing, and tells what is there', async () => {
    await using folder = await temporaryFolder()
    const env = { DATA_DIR: join(folder.path, 'data') }
    expect(await storageFinding(env)).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('will be made'),
    })
    expect(await readdir(folder.path)).toEqual([])
    await keep(env.DATA_DIR, 1)
    expect(await storageFinding(env)).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('is sound'),
    })
  })

  it('tells a file that is no database, and one that is damaged', async () => {
    await using folder = await temporaryFolder()
    const state = join(folder.path, 'state')
    await keep(folder.path, 1)
    const file = join(state, 'claude-code-api.db')
    await writeFile(file, 'something else, and long enough to be looked at '.repeat(40))
    await chmod(file, 0o600)
    expect(await storageFinding({ DATA_DIR: folder.path })).toMatchObject({
      status: 'failure',
      message: expect.stringContaining('not a database of claude-code-api'),
    })
  })
})

describe.skipIf(postgresPrograms === undefined)(
  'commands on a Postgres (needs its programs)',
  { timeout: 60_000 },
  () => {
    let postgres: TestPostgres
    beforeAll(async () => {
      postgres = await startTestPostgres()
    })
    afterAll(() => postgres.close())

    it('migrate it, examine it, and leave copies to its own tools', async () => {
      const env = { DATABASE_URL: postgres.url() }
      expect((await runMain(['migrate'], env)).out).toContain('The database (postgres) is at step')
      expect(await storageFinding(env)).toMatchObject({ status: 'ok' })
      const { status, err } = await runMain(['backup', 'x'], env)
      expect(status).toBe(1)
      expect(err).toContain('pg_dump')
    })

    it('say what is wrong when it is away', async () => {
      const env = { DATABASE_URL: 'postgres://nobody:a-secret@127.0.0.1:9/none' }
      const finding = await storageFinding(env)
      expect(finding).toMatchObject({
        status: 'failure',
        message: 'Postgres cannot be used at 127.0.0.1:9/none (ECONNREFUSED)',
      })
      const { status, err } = await runMain(['migrate'], env)
      expect(status).toBe(1)
      expect(err).toContain('ECONNREFUSED')
      expect(err).not.toContain('a-secret')
    })
  },
)
