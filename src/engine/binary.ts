import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname } from 'node:path'
import { TurnError } from '../turn/error.ts'

/** The oldest Claude Code that has all that this server uses (`defer`, `client_composed`, session stores). */
export const minimumVersion = '2.1.261'

/** How long `claude --version` may take, in milliseconds; the first start after an installation is slow. */
const versionTimeoutMs = 20_000

/** The path of the `claude` to run: `claudePath` if given, else the one bundled with the SDK; undefined when it is not there. */
export function findClaude(claudePath?: string): string | undefined {
  if (claudePath !== undefined) return isFile(claudePath) ? claudePath : undefined
  // The SDK's platform packages are its own dependencies: only it is sure to see them.
  const sdk = createRequire(import.meta.url).resolve('@anthropic-ai/claude-agent-sdk')
  const { resolve } = createRequire(sdk)
  const installed = bundledNames(process.platform, process.arch).flatMap((name) => {
    try {
      return [resolve(name)]
    } catch {
      // Usually only the package of this platform is installed.
      return []
    }
  })
  // Asking for the C library is slow, and nearly always there is no choice.
  return installed.length > 1 && isMusl() ? installed[1] : installed[0]
}

/** Where the SDK's packages hold the binary; on Linux that for musl comes second. */
export function bundledNames(platform: string, arch: string): string[] {
  const name = `@anthropic-ai/claude-agent-sdk-${platform}-${arch}`
  if (platform === 'win32') return [`${name}/claude.exe`]
  return platform === 'linux' ? [`${name}/claude`, `${name}-musl/claude`] : [`${name}/claude`]
}

function isMusl(): boolean {
  const report: unknown = process.report.getReport()
  const header: unknown =
    typeof report === 'object' && report !== null && 'header' in report && report.header
  return typeof header === 'object' && header !== null && !('glibcVersionRuntime' in header)
}

/** What the binary says its version is, such as `2.1.330`. Throws `claude_not_installed` when it does not run. */
export async function claudeVersion(path: string): Promise<string> {
  const [command, ...args] = /\.[cm]?js$/.test(path) ? [process.execPath, path] : [path]
  const output = await new Promise<string>((resolve, reject) => {
    execFile(
      command,
      [...args, '--version'],
      {
        timeout: versionTimeoutMs,
        windowsHide: true,
        // Enough for a script that runs under Node, and nothing of the server's own.
        env: {
          PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
        },
      },
      (error, stdout) => {
        if (error === null) resolve(stdout)
        else reject(new TurnError('claude_not_installed', cannotRun(error), { cause: error }))
      },
    ).stdin?.end()
  })
  const version = /\d+\.\d+\.\d+/.exec(output)?.[0]
  if (version === undefined) {
    throw new TurnError(
      'claude_not_installed',
      'The `claude` binary does not tell its version: it is not Claude Code. Set CLAUDE_PATH to another, or to nothing.',
    )
  }
  return version
}

function cannotRun(error: Error): string {
  const code = 'code' in error ? error.code : undefined
  const reason = typeof code === 'string' || typeof code === 'number' ? code : 'it took too long'
  return `The \`claude\` binary does not run (${reason}). Run \`npm install\` again, or set CLAUDE_PATH to one that does.`
}

/** The binary to run and its version. Throws `claude_not_installed` when it is missing, does not run or is too old. */
export async function requireClaude(
  claudePath?: string,
): Promise<{ path: string; version: string }> {
  const path = findClaude(claudePath)
  if (path === undefined) {
    throw new TurnError(
      'claude_not_installed',
      claudePath === undefined
        ? 'The bundled `claude` binary is missing. Run `npm install` with optional dependencies, or set CLAUDE_PATH.'
        : 'CLAUDE_PATH does not name an executable file. Correct it, or unset it to use the bundled `claude`.',
    )
  }
  const version = await claudeVersion(path)
  if (isOlder(version, minimumVersion)) {
    throw new TurnError(
      'claude_not_installed',
      `Claude Code ${version} is too old: this server needs ${minimumVersion} or later. Update it, or unset CLAUDE_PATH to use the bundled one.`,
    )
  }
  return { path, version }
}

/** Whether a version `1.2.3` comes before another. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number))
  for (const [index, part] of (b ?? []).entries()) {
    const difference = (a?.[index] ?? 0) - part
    if (difference !== 0) return difference < 0
  }
  return false
}

function isFile(path: string): boolean {
  try {
    accessSync(path, /\.[cm]?js$/.test(path) ? constants.R_OK : constants.X_OK)
    return statSync(path).isFile()
  } catch {
    // Missing or not ours to run: the same to the caller.
    return false
  }
}
