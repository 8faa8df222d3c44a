import { chmod, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FileBook } from '../../src/files/file-book.ts'
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

async function uploadTo(book: FileBook, text: string): Promise<string> {
  const received = await book.receive({
    owner: 'a',
    filename: 'f',
    content: Readable.from([Buffer.from(text)]),
  })
  await book.finish(received, { purpose: 'batch' })
  return received.id
}

async function withFiles<T>(dataDir: string, use: (book: FileBook) => Promise<T>): Promise<T> {
  const store = await openStore({ dataDir })
  try {
    return await use(new FileBook({ storage: Promise.resolve(store), limitBytes: 1_000_000 }))
  } finally {
    await store.close()
  }
}

function upload(dataDir: string, text: string): Promise<string> {
  return withFiles(dataDir, (book) => uploadTo(book, text))
}

/** Of every file, oldest first. */
function contents(dataDir: string): Promise<string[]> {
  return withFiles(dataDir, async (book) => {
    const { files } = await book.list('a', { limit: 10_000, order: 'asc' })
    return Promise.all(
      files.map(async ({ id }) => {
        const { content } = await book.open('a', id)
        return Buffer.concat(await Readable.from(content).toArray()).toString()
      }),
    )
  })
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

  it('copy the database and the files, and put the copy back, keeping what was there', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const copy = join(folder.path, 'copy')
    await keep(dataDir, 1)
    const first = await upload(dataDir, 'the first')
    const done = await runMain(['backup', copy], { DATA_DIR: dataDir })
    expect(done).toMatchObject({ status: 0, err: '' })
    expect(done.out).toContain('The database and 1 uploaded file (0.0 MiB) are copied')
    const files = ['claude-code-api.db', join('files', first)]
    for (const file of files) expect((await stat(join(copy, file))).mode & 0o777).toBe(0o600)
    await keep(dataDir, 2)
    const second = await upload(dataDir, 'the second')

    const refused = await runMain(['restore', copy], { DATA_DIR: dataDir })
    expect(refused).toMatchObject({ status: 1, out: '' })
    expect(refused.err).toContain('With --force')
    expect(await kept(dataDir)).toEqual([2])
    expect(await contents(dataDir)).toEqual(['the first', 'the second'])

    const forced = await runMain(['restore', copy, '--force'], { DATA_DIR: dataDir })
    expect(forced).toMatchObject({ status: 0, err: '' })
    expect(await kept(dataDir)).toEqual([1])
    expect(await contents(dataDir)).toEqual(['the first'])
    expect(await readdir(join(dataDir, 'files'))).toEqual([first])
    const state = await readdir(join(dataDir, 'state'))
    expect(state.filter((name) => /\.db\.\d{4}-/.test(name))).toHaveLength(1)
    const aside = (await readdir(dataDir)).find((name) => name.startsWith('files.')) ?? ''
    expect((await readdir(join(dataDir, aside))).toSorted()).toEqual([first, second].toSorted())
  })

  it('bring the copy to another machine', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const other = join(folder.path, 'other')
    const copy = join(folder.path, 'copy')
    await upload(dataDir, 'brought along')
    await runMain(['backup', copy], { DATA_DIR: dataDir })
    expect(await runMain(['restore', copy], { DATA_DIR: other })).toMatchObject({ status: 0 })
    expect(await contents(other)).toEqual(['brought along'])
  })

  it('copy no row without its content, and no content without its row, while files come and go', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const store = await openStore({ dataDir })
    const book = new FileBook({ storage: Promise.resolve(store), limitBytes: 1_000_000 })
    await uploadTo(book, 'stays')
    const coming = { isOver: false }
    const come = async (): Promise<void> => {
      const there: string[] = []
      while (!coming.isOver) {
        there.push(await uploadTo(book, 'a'))
        if (there.length > 5) await book.remove('a', there.shift() ?? '')
      }
    }
    const work = Promise.all([come(), come(), come()])
    try {
      for (const name of ['one', 'two', 'three']) {
        const copy = join(folder.path, name)
        expect(await runMain(['backup', copy], { DATA_DIR: dataDir })).toMatchObject({ status: 0 })
        const other = join(folder.path, `${name}-restored`)
        expect(await runMain(['restore', copy], { DATA_DIR: other })).toMatchObject({ status: 0 })
        const found = await contents(other)
        expect(found).toContain('stays')
        expect(await readdir(join(other, 'files'))).toHaveLength(found.length)
      }
    } finally {
      coming.isOver = true
      await work
      await store.close()
    }
  })

  it('copy beside a running server, and put nothing in its place', async () => {
    await using server = await startBuiltServer()
    await using folder = await temporaryFolder()
    const copy = join(folder.path, 'copy')
    const settings = { DATA_DIR: server.dataDir }
    expect(await runMain(['backup', copy], settings)).toMatchObject({ status: 0, err: '' })
    expect(await runMain(['restore', copy, '--force'], settings)).toMatchObject({
      status: 1,
      err: `A server (process ${server.child.pid}) uses the data folder; stop it first.\n`,
    })
  })

  it('take a database alone, as earlier versions made it, and leave the files that are there', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const copy = join(folder.path, 'copy')
    await upload(dataDir, 'still there')
    await runMain(['backup', copy], { DATA_DIR: dataDir })
    await keep(dataDir, 3)
    const alone = join(copy, 'claude-code-api.db')
    const restored = await runMain(['restore', alone, '--force'], { DATA_DIR: dataDir })
    expect(restored.out).toContain('is a database alone')
    expect(await kept(dataDir)).toEqual([])
    expect(await contents(dataDir)).toEqual(['still there'])
  })

  it('refuse what is there, what is not, what is something else, and what is not whole', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const other = join(folder.path, 'other')
    const copy = join(folder.path, 'copy')
    await writeFile(other, 'no database, but long enough to be looked at '.repeat(40))
    await keep(dataDir, 1)
    const id = await upload(dataDir, 'x')
    await runMain(['backup', copy], { DATA_DIR: dataDir })
    await rm(join(copy, 'files', id))
    const run = async (...args: string[]): Promise<string> => {
      const { status, err } = await runMain(args, { DATA_DIR: dataDir })
      expect(status).toBe(1)
      return err
    }
    expect(await run('backup')).toContain('Name the folder')
    expect(await run('backup', other)).toContain('is there already')
    expect(await run('backup', '/dev/null/copy')).toContain('ENOTDIR')
    expect(await run('restore', join(folder.path, 'none'), '--force')).toContain('no backup at')
    expect(await run('restore', folder.path, '--force')).toContain('no database in')
    expect(await run('restore', other, '--force')).toContain('not a database of claude-code-api')
    expect(await run('restore', copy, '--force')).toContain('lacks 1 of its files')
    expect(await kept(dataDir)).toEqual([1])
    expect(await contents(dataDir)).toEqual(['x'])
    const left = [...(await readdir(dataDir)), ...(await readdir(join(dataDir, 'state')))]
    expect(left.filter((name) => name.includes('.partial'))).toEqual([])
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
