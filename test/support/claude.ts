import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const prefix = join(tmpdir(), 'claude-code-api-')

/** A folder that goes with its user. */
export type TemporaryFolder = { path: string } & AsyncDisposable

/** Makes a fresh folder under the one for temporary files, links resolved. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await realpath(await mkdtemp(prefix))
  // Retries: an ended process may still be writing its last file.
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  return { path, [Symbol.asyncDispose]: remove }
}

/**
 * The environment in which the real binary runs with no account and no network, against the Messages API at `url`. Without
 * `configDir` it gets a fresh folder, which goes when this process ends.
 */
export function claudeEnvironment(
  url: string,
  configDir = folderUntilExit(),
): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: configDir,
    CLAUDE_CONFIG_DIR: configDir,
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'dummy-key-for-tests',
    DISABLE_TELEMETRY: '1',
    DISABLE_ERROR_REPORTING: '1',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  }
}

function folderUntilExit(): string {
  const path = mkdtempSync(prefix)
  process.once('exit', () => rmSync(path, { recursive: true, force: true }))
  return path
}
