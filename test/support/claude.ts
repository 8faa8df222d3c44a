import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder that goes with its user. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'claude-code-api-'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  }
}

/** The environment in which the real binary runs with no account and no network: dummy key, configuration folder of its own. */
export function claudeEnvironment(url: string, configDir?: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: configDir ?? tmpdir(),
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'dummy-key-for-tests',
    CLAUDE_CONFIG_DIR: configDir ?? join(tmpdir(), `claude-config-${process.pid}`),
    DISABLE_TELEMETRY: '1',
    DISABLE_ERROR_REPORTING: '1',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  }
}
