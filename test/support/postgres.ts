import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, chown } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { temporaryFolder } from './claude.ts'
import { until } from '../api/server/support.ts'

/** A real Postgres of a test's own, on loopback; its data goes with it. */
export interface TestPostgres extends AsyncDisposable {
  /** For `DATABASE_URL`; each call is a schema of its own, empty. */
  url(schema?: string): string
  /** Ends the server at once; whoever is connected loses the connection. */
  stop(): Promise<void>
  /** Starts it again, with the same data on the same port. */
  start(): Promise<void>
  close(): Promise<void>
}

/** The folder of `initdb` and `postgres`; undefined where Postgres is not installed. */
export const postgresPrograms: string | undefined = [
  ...versionsUnder('/usr/lib/postgresql'),
  ...(process.env['PATH'] ?? '').split(delimiter),
].find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))

function versionsUnder(folder: string): string[] {
  if (!existsSync(folder)) return []
  const newestFirst = readdirSync(folder).sort((a, b) => Number(b) - Number(a))
  return newestFirst.map((version) => join(folder, version, 'bin'))
}

/** Postgres refuses to run as root: then it runs as nobody. */
const nobody = 65_534
const asUser = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

const run = promisify(execFile)
let schemas = 0

/** Makes a database cluster in a temporary folder and starts it (about a second). */
export async function startTestPostgres(): Promise<TestPostgres> {
  if (postgresPrograms === undefined) throw new Error('Postgres is not installed here.')
  const folder = await temporaryFolder()
  try {
    return await startIn(postgresPrograms, folder)
  } catch (error) {
    await folder[Symbol.asyncDispose]()
    throw error
  }
}

async function startIn(
  programs: string,
  folder: { path: string } & AsyncDisposable,
): Promise<TestPostgres> {
  await chmod(folder.path, 0o755)
  if (asUser.uid !== undefined) await chown(folder.path, nobody, nobody)
  const data = join(folder.path, 'data')
  const options = { ...asUser, cwd: folder.path }
  const initdb = ['-D', data, '-U', 'test', '-A', 'trust', '-E', 'UTF8', '--no-sync']
  await run(join(programs, 'initdb'), [...initdb, '--locale=C'], options)
  const port = await freePort()
  const address = `postgres://test@127.0.0.1:${port}/postgres`
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  let server: ChildProcess | undefined
  // A run that is cut off must not leave it behind.
  const kill = (): boolean | undefined => server?.kill('SIGKILL')
  process.once('exit', kill)
  const start = async (): Promise<void> => {
    server = spawn(join(programs, 'postgres'), ['-D', data, ...flags], {
      ...options,
      stdio: 'ignore',
    })
    await until('Postgres answers', () => answers(address), 20_000)
  }
  const stop = async (): Promise<void> => {
    const ending = server
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill('SIGQUIT')
    await ended
  }
  const close = async (): Promise<void> => {
    process.off('exit', kill)
    await stop()
    await folder[Symbol.asyncDispose]()
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: (schema = `test_${process.pid}_${++schemas}`) => `${address}?schema=${schema}`,
    stop,
    start,
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('No port is free.')
  return address.port
}
