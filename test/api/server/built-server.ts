import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, realpath, rmdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import { disposal } from '../../../src/lib/disposal.ts'
import { type ScriptedAnthropic, startScriptedAnthropic } from '../../scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../../support/claude.ts'
import { leftOver, processesWith, type RunningProcess } from '../../support/leaks.ts'
import { until } from './support.ts'

export type LogEntry = { event?: string; [field: string]: unknown }

export type Ended = { status: number | null; signal: string | null }

/** The built server as a process of its own, as its owner runs it, with a scripted model behind it. */
export interface BuiltServer extends AsyncDisposable {
  readonly child: ChildProcess
  readonly url: string
  readonly client: OpenAI
  readonly anthropic: ScriptedAnthropic
  readonly dataDir: string
  /** What it has written so far. */
  readonly said: { out: string; err: string }
  /** Milliseconds from its start until `/health` answered. */
  readonly healthyMs: number
  readonly ended: Promise<Ended>
  /** Its log so far; every line must be JSON. */
  log(): LogEntry[]
  /** Every other process that was started with its configuration folder: the binary's. */
  claudes(): Promise<RunningProcess[]>
}

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Starts `dist/main.js` on a free port and waits until it is alive. `settings` are environment variables. */
export async function startBuiltServer(
  settings: Record<string, string> = {},
): Promise<BuiltServer> {
  await build()
  const parts = disposal()
  const folder = await realpath(parts.use(await temporaryFolder()).path)
  const anthropic = parts.use(await startScriptedAnthropic())
  const dataDir = join(folder, 'data')
  const startedMs = performance.now()
  const { child, said, ended } = run(folder, {
    ...claudeEnvironment(anthropic.url, folder),
    PORT: '0',
    DATA_DIR: dataDir,
    WORKSPACE_ROOTS: folder,
    WAITING_PROCESSES: '0',
    LIVE_CONVERSATIONS: '0',
    CLAUDE_CODE_MAX_RETRIES: '0',
    LOG_FORMAT: 'json',
    ...settings,
  })
  parts.defer(async () => {
    child.kill('SIGKILL')
    await ended
    const left = await leftOver(claudes)
    for (const { pid } of left) process.kill(pid, 'SIGKILL')
    if (left.length > 0) throw new Error(`Processes outlived the server: ${JSON.stringify(left)}`)
  })
  const log = (): LogEntry[] => entriesOf(said.out)
  const claudes = async (): Promise<RunningProcess[]> => {
    const found = await processesWith(`CLAUDE_CONFIG_DIR=${folder}`)
    return found.filter(({ pid }) => pid !== child.pid)
  }
  try {
    const url = await listening(log, () => child.exitCode, said)
    const response = await fetch(`${url}/health`)
    const healthyMs = performance.now() - startedMs
    if (response.status !== 200) throw new Error(`/health says ${response.status}.`)
    const apiKey = settings['API_KEY'] ?? 'unused'
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
    return {
      child,
      url,
      client,
      anthropic,
      dataDir,
      said,
      healthyMs,
      ended,
      log,
      claudes,
      [Symbol.asyncDispose]: () => parts.dispose(),
    }
  } catch (error) {
    await parts.dispose()
    throw error
  }
}

/** Runs `dist/main.js` to its end, which must come by itself. */
export async function runBuiltServer(
  settings: Record<string, string>,
): Promise<Ended & { out: string; err: string }> {
  await build()
  await using folder = await temporaryFolder()
  const { said, ended } = run(folder.path, {
    ...claudeEnvironment('http://127.0.0.1:9', folder.path),
    PORT: '0',
    DATA_DIR: join(folder.path, 'data'),
    LOG_FORMAT: 'json',
    ...settings,
  })
  return { ...(await ended), ...said }
}

/** Starts `dist/main.js` with arguments in the folder; `env` is its whole environment. */
export async function startBuiltCommand(
  args: readonly string[],
  { folder, env }: { folder: string; env: Record<string, string> },
): Promise<Pick<BuiltServer, 'child' | 'said' | 'ended'>> {
  await build()
  return run(folder, env, args)
}

function run(
  folder: string,
  env: Record<string, string>,
  args: readonly string[] = [],
): Pick<BuiltServer, 'child' | 'said' | 'ended'> {
  const child = spawn(process.execPath, [join(root, 'dist', 'main.js'), ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
  const ended = once(child, 'close').then(([status, signal]: unknown[]) => ({
    status: typeof status === 'number' ? status : null,
    signal: typeof signal === 'string' ? signal : null,
  }))
  return { child, said, ended }
}

async function listening(
  log: () => LogEntry[],
  exitCode: () => number | null,
  said: BuiltServer['said'],
): Promise<string> {
  const started = (): LogEntry | undefined => log().find(({ event }) => event === 'server-started')
  await until('the server listens', () => started() !== undefined || exitCode() !== null, 20_000)
  const url = started()?.['url']
  if (typeof url !== 'string') throw new Error(`The server did not start: ${said.err}`)
  return url
}

/** The complete lines. */
export function entriesOf(text: string): LogEntry[] {
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line): LogEntry => JSON.parse(line))
}

const lock = join(tmpdir(), 'claude-code-api-build.lock')
const longestBuildMs = 60_000

/** Builds what has changed; one test file at a time, since a build begins by removing the last one. */
export async function build(): Promise<void> {
  await until('nobody else builds', takeLock, 2 * longestBuildMs)
  try {
    const builder = spawn(process.execPath, [join(root, 'scripts', 'build.js')], {
      stdio: 'inherit',
    })
    const [status]: unknown[] = await once(builder, 'exit')
    if (status !== 0) throw new Error('The build failed.')
  } finally {
    await rmdir(lock)
  }
}

async function takeLock(): Promise<boolean> {
  try {
    await mkdir(lock)
    return true
  } catch {
    // Somebody builds, or was killed while building.
    const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > longestBuildMs) await rmdir(lock).catch(() => {})
    return false
  }
}
