import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import OpenAI from 'openai'
import { loadConfig } from '../../src/config/load.ts'
import { disposal } from '../../src/lib/disposal.ts'
import { startServer } from '../../src/server.ts'
import type { Telemetry } from '../../src/telemetry/events.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { type ScriptedAnthropic, startScriptedAnthropic } from '../scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from './claude.ts'
import { leftOver, processesWith, type RunningProcess } from './leaks.ts'

/** Our server in this process, with the real binary behind it and a scripted model behind that. */
export interface TestServer extends AsyncDisposable {
  readonly url: string
  /** What an OpenAI client is pointed at: `url` and `/v1`. */
  readonly baseURL: string
  /** The official client. It does not repeat what failed. */
  readonly client: OpenAI
  readonly anthropic: ScriptedAnthropic
  /** The only workspace root, links resolved. */
  readonly workspace: string
  readonly dataDir: string
  /** `CLAUDE_CONFIG_DIR`. */
  readonly configDir: string
  /** Every process of this server's that runs now: the binary's, and the commands that it started. */
  processes(): Promise<RunningProcess[]>
  /** Ends everything. Rejects when a process is left behind. */
  close(): Promise<void>
}

/**
 * Starts it on a free port. `settings` are environment variables and win over what tests need: few waiting processes, no
 * retries, a short grace time. A scripted server of the caller's own is not closed.
 */
export async function startTestServer(
  settings: Record<string, string> = {},
  own?: ScriptedAnthropic,
  telemetry: Telemetry = silentTelemetry,
): Promise<TestServer> {
  const parts = disposal()
  try {
    const folder = parts.use(await temporaryFolder())
    const { workspace, dataDir, configDir } = await makeFolders(folder.path)
    const anthropic = own ?? parts.use(await startScriptedAnthropic())
    const processes = () => processesWith(`CLAUDE_CONFIG_DIR=${configDir}`)
    parts.defer(() => expectNone(processes))
    const config = loadConfig({
      env: {
        ...claudeEnvironment(anthropic.url, configDir),
        PORT: '0',
        DATA_DIR: dataDir,
        WORKSPACE_ROOTS: workspace,
        WAITING_PROCESSES: '1',
        WAITING_PROCESSES_MAX: settings['WAITING_PROCESSES'] ?? '1',
        CLAUDE_CODE_MAX_RETRIES: '0',
        SHUTDOWN_GRACE_SECONDS: '1',
        ...settings,
      },
    })
    const server = await startServer(config, telemetry)
    parts.defer(() => server.close())
    const baseURL = `${server.url}/v1`
    const client = new OpenAI({ baseURL, apiKey: settings['API_KEY'] ?? 'unused', maxRetries: 0 })
    const close = once(() => parts.dispose())
    return {
      url: server.url,
      baseURL,
      client,
      anthropic,
      workspace,
      dataDir,
      configDir,
      processes,
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await parts.dispose()
    throw error
  }
}

type Folders = Pick<TestServer, 'workspace' | 'dataDir' | 'configDir'>

async function makeFolders(parent: string): Promise<Folders> {
  const folders = {
    workspace: join(parent, 'workspace'),
    dataDir: join(parent, 'data'),
    configDir: join(parent, 'config'),
  }
  await Promise.all(Object.values(folders).map((path) => mkdir(path)))
  return folders
}

async function expectNone(find: () => Promise<RunningProcess[]>): Promise<void> {
  const left = await leftOver(find)
  if (left.length === 0) return
  const list = left.map(({ pid, command }) => `${pid} ${command}`).join('\n')
  for (const { pid } of left) process.kill(pid, 'SIGKILL')
  throw new Error(`The server left processes behind:\n${list}`)
}

/** The same promise, however often it is asked for. */
function once(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined
  return () => (closing ??= close())
}
