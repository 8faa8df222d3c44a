import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import OpenAI from 'openai'
import { loadConfig } from '../../src/config/load.ts'
import { startServer } from '../../src/server.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { type ScriptedAnthropic, startScriptedAnthropic } from '../scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from './claude.ts'

/** A whole server in this process, on the real binary and a scripted model, with folders of its own. */
export interface TestServer extends AsyncDisposable {
  readonly url: string
  /** With `/v1`, as clients want it. */
  readonly baseURL: string
  readonly anthropic: ScriptedAnthropic
  /** The only workspace root, links resolved. */
  readonly workspace: string
  readonly dataDir: string
  readonly configDir: string
  /** The official client, without retries. */
  readonly client: OpenAI
  close(): Promise<void>
}

export type TestServerOptions = {
  /** Variables as the owner would set them. */
  settings?: Record<string, string>
  /** A scripted model to share; else the server brings its own. */
  anthropic?: ScriptedAnthropic
}

export async function startTestServer({ settings = {}, anthropic: shared }: TestServerOptions = {}): Promise<TestServer> {
  const folder = await temporaryFolder()
  const root = await realpath(folder.path)
  const [workspace, dataDir, configDir] = ['workspace', 'data', 'config'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [workspace, dataDir, configDir]) await mkdir(path)
  const anthropic = shared ?? (await startScriptedAnthropic())
  const config = loadConfig({
    env: {
      ...claudeEnvironment(anthropic.url, configDir),
      PORT: '0',
      DATA_DIR: dataDir,
      WORKSPACE_ROOTS: workspace,
      WAITING_PROCESSES: '1',
      CLAUDE_CODE_MAX_RETRIES: '0',
      ...settings,
    },
  })
  const server = await startServer(config, silentTelemetry)
  const baseURL = `${server.url}/v1`
  async function close(): Promise<void> {
    await server.close()
    if (!shared) await anthropic.close()
    await folder[Symbol.asyncDispose]()
  }
  return {
    url: server.url,
    baseURL,
    anthropic,
    workspace,
    dataDir,
    configDir,
    client: new OpenAI({ baseURL, apiKey: settings['API_KEY'] ?? 'any', maxRetries: 0 }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
