import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from '../api/server/built-server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export type CommandResult = {
  status: number | null
  signal: string | null
  out: string
  err: string
}

/** A command that runs, and what it has said so far. */
export type RunningCommand = {
  child: ChildProcess
  said: { out: string; err: string }
  ended: Promise<CommandResult>
}

/** Starts a file of the project in an empty folder, with PATH, HOME (that folder) and `env` only. */
export function startCommand(
  file: string,
  args: string[],
  env: Record<string, string> = {},
): RunningCommand {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'))
  const tsx = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url)
  const compiling = file.endsWith('.ts') ? ['--import', tsx.href] : []
  const child = spawn(process.execPath, [...compiling, join(root, file), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
  const ended = once(child, 'close').then(([status, signal]: unknown[]) => {
    rmSync(folder, { recursive: true, force: true })
    return {
      status: typeof status === 'number' ? status : null,
      signal: typeof signal === 'string' ? signal : null,
      ...said,
    }
  })
  return { child, said, ended }
}

/** Runs `claude-code-api`, built, with the arguments until it ends. */
export async function runMain(
  args: string[],
  env: Record<string, string> = {},
): Promise<CommandResult> {
  await (built ??= build())
  return startCommand('dist/main.js', args, env).ended
}

let built: Promise<void> | undefined
