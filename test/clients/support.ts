import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder, type TemporaryFolder } from '../support/claude.ts'
import { processesWith } from '../support/leaks.ts'
import { readPage, readProjectFile } from '../support/markdown.ts'
import type { TestServer } from '../support/server.ts'

/** A client that is too large to be a dependency. */
export type Client = { command: string; installed: boolean }

/** Where the variable says that it is, or else among what npm has installed here. */
export function clientAt(variable: string, name: string): Client {
  const command =
    process.env[variable] ??
    fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url))
  return { command, installed: existsSync(command) }
}

/** The settings that a page of `docs/clients` shows, pointed at a server of the test's. */
export function settingsOf(page: string, language: string, server: TestServer): string {
  const { code } = readPage(readProjectFile(`docs/clients/${page}`))
  const found = code.find((block) => block.language === language)
  if (!found) throw new Error(`docs/clients/${page} has no sample of ${language}.`)
  return found.text.replaceAll('http://127.0.0.1:8082', server.url)
}

/** A folder with a `home` for what a client keeps, and a `work` where it runs. What a client leaves running ends with it. */
export async function clientFolder(): Promise<TemporaryFolder & { home: string; work: string }> {
  const folder = await temporaryFolder()
  const [home, work] = [join(folder.path, 'home'), join(folder.path, 'work')]
  await Promise.all([mkdir(home), mkdir(work)])
  return {
    path: folder.path,
    home,
    work,
    async [Symbol.asyncDispose]() {
      for (const { pid } of await processesWith(`HOME=${home}`)) process.kill(pid, 'SIGKILL')
      await folder[Symbol.asyncDispose]()
    },
  }
}

const run = promisify(execFile)

/** Runs a client with nothing of this machine's environment but `PATH`. Rejects, with what it said, when it fails. */
export function runClient(
  { command }: Client,
  args: readonly string[],
  { home, work }: { home: string; work: string },
  environment: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  const running = run(command, args, {
    cwd: work,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, ...environment },
    timeout: 120_000,
    maxBuffer: 16 * 1024 * 1024,
  })
  // Some would read a prompt from there.
  running.child.stdin?.end()
  return running
}

/** The lines of a client's output that are JSON objects. */
export function jsonLinesOf(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
