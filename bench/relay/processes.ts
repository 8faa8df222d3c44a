import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { nodeOptions } from '../node-options.ts'

/** A server that is measured: where it listens, what it wants to hear, and what it uses. */
export type Target = AsyncDisposable & {
  name: string
  origin: string
  headers: Record<string, string>
  /** Milliseconds of CPU since its start; undefined where the system does not tell. */
  cpuMs(): number | undefined
  memoryMb(): number | undefined
}

/** A server of this folder, which tells its port. */
export async function startOwn(name: string, file: string, ...args: string[]): Promise<Target> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: ['--import', 'tsx'],
  })
  const [told] = (await once(child, 'message')) as [{ port: number }]
  return targetOf(name, told.port, child)
}

/** This server, built, with everything on: log, breakers, and the API at `upstream` in the first place. */
export async function startServer(
  name: string,
  upstream: string,
  folder: string,
  more: Record<string, string> = {},
): Promise<Target> {
  const port = await freePort()
  const child = spawn(
    process.execPath,
    [...nodeOptions(more), fileURLToPath(new URL('../../dist/main.js', import.meta.url))],
    {
      cwd: folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        PORT: String(port),
        DATA_DIR: `${folder}/data-${port}`,
        WORKSPACE_ROOTS: folder,
        CLAUDE_PATH: `${folder}/none`,
        FALLBACK_API_NAME_1: 'upstream',
        FALLBACK_API_URL_1: `${upstream}/v1`,
        PROVIDER_ORDER: 'upstream',
        LOG_FORMAT: 'json',
        ...more,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  await untilListening(port)
  return targetOf(name, port, child)
}

/** Portkey's gateway from npm, told where the API is by its headers. */
export async function startPortkey(upstream: string): Promise<Target> {
  const port = await freePort()
  const file = new URL(
    '../../node_modules/@portkey-ai/gateway/build/start-server.js',
    import.meta.url,
  )
  const child = spawn(process.execPath, [fileURLToPath(file), `--port=${port}`, '--headless'], {
    env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production' },
    stdio: 'ignore',
  })
  await untilListening(port)
  return targetOf('portkey', port, child, {
    authorization: 'Bearer none',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${upstream}/v1`,
  })
}

function targetOf(
  name: string,
  port: number,
  child: ChildProcess,
  headers: Record<string, string> = {},
): Target {
  const { pid } = child
  return {
    name,
    origin: `http://127.0.0.1:${port}`,
    headers,
    cpuMs: () => cpuOf(pid),
    memoryMb: () => memoryOf(pid),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Linux tells in `/proc`, in ticks of 10 ms. */
function cpuOf(pid: number | undefined): number | undefined {
  const fields = procFile(pid, 'stat')
    ?.replace(/^.*\) /, '')
    .split(' ')
  return fields && (Number(fields[11]) + Number(fields[12])) * 10
}

function memoryOf(pid: number | undefined): number | undefined {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(procFile(pid, 'status') ?? '')?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
}

function procFile(pid: number | undefined, file: string): string | undefined {
  if (process.platform !== 'linux') return undefined
  return readFileSync(`/proc/${pid}/${file}`, 'utf8')
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answers = await fetch(`http://127.0.0.1:${port}/health`).then(
      () => true,
      () => false,
    )
    if (answers) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`Nothing listens on port ${port} after 20 s.`)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('No free port.')
  return address.port
}
