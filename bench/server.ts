import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { leftOver, processesWith } from '../test/support/leaks.ts'
import { type Answer, chat, type ChatMessage } from './chat.ts'
import { nodeOptions } from './node-options.ts'

export const question: ChatMessage[] = [{ role: 'user', content: 'Say something short.' }]

/** The built server as a process of its own, as users run it. */
export interface BuiltServer extends AsyncDisposable {
  readonly url: string
  readonly child: ChildProcess
  chat(messages?: readonly ChatMessage[], more?: Record<string, unknown>): Promise<Answer>
  /** Resident memory of the server's own process, in MiB. */
  memory(): Promise<number>
  /** Ends it; how many of its processes are still there afterwards. */
  close(): Promise<number>
}

export async function startBuiltServer(
  environment: Record<string, string>,
  folder: string,
  settings: Record<string, string> = {},
): Promise<BuiltServer> {
  const port = await freePort()
  const child = spawnServer(environment, folder, { PORT: String(port), ...settings })
  const url = `http://127.0.0.1:${port}`
  await untilReady(url)
  const close = async (): Promise<number> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    return (
      await leftOver(() => processesWith(`CLAUDE_CONFIG_DIR=${environment['CLAUDE_CONFIG_DIR']}`))
    ).length
  }
  return {
    url,
    child,
    chat: (messages = question, more = {}) => chat(url, messages, more),
    memory: () => residentMebibytes(child.pid ?? 0),
    close,
    async [Symbol.asyncDispose]() {
      await close()
    },
  }
}

/** From the start of the program to the first answer of `/health`, in milliseconds. */
export async function healthMs(
  environment: Record<string, string>,
  folder: string,
): Promise<number> {
  const port = await freePort()
  const begin = performance.now()
  const child = spawnServer(environment, folder, { PORT: String(port) })
  while (!(await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.ok)
    await sleep(2)
  const took = performance.now() - begin
  child.kill('SIGTERM')
  await once(child, 'exit')
  return took
}

function spawnServer(
  environment: Record<string, string>,
  folder: string,
  settings: Record<string, string>,
): ChildProcess {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  return spawn(process.execPath, [...nodeOptions({ ...environment, ...settings }), main], {
    cwd: folder,
    env: {
      ...environment,
      DATA_DIR: `${folder}/data`,
      WORKSPACE_ROOTS: folder,
      LOG_LEVEL: 'warn',
      ...settings,
    },
    stdio: 'ignore',
  })
}

export async function residentMebibytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const response = await fetch(`${url}/ready`).catch(() => undefined)
    if (response?.ok) return
    await sleep(100)
  }
  throw new Error('The server did not become ready within 30 s.')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('No free port.')
  return address.port
}
