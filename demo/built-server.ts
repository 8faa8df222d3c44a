import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** The built server as a process of its own, as users run it. */
export interface BuiltServer extends AsyncDisposable {
  readonly url: string
  /** Asks it to end, as Ctrl-C would, and waits. Throws when it does not end well. */
  stop(): Promise<void>
  /** Ends it at once, as a crash would, and waits. */
  kill(): Promise<void>
}

const startMs = 60_000
const stopMs = 20_000

/** Starts `dist/main.js` on a free loopback port. Throws with the server's own words when it does not start. */
export async function startBuiltServer(
  environment: Record<string, string>,
  folder: string,
): Promise<BuiltServer> {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    cwd: folder,
    env: { ...environment, PORT: '0', LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const words = collectWords(child.stderr)
  let isKilled = false
  const kill = async (): Promise<void> => {
    isKilled = true
    child.kill('SIGKILL')
    await exited
  }
  const stop = async (): Promise<void> => {
    if (isKilled) return
    child.kill('SIGTERM')
    const insist = setTimeout(() => child.kill('SIGKILL'), stopMs)
    await exited
    clearTimeout(insist)
    if (child.exitCode !== 0)
      throw new Error(`The server ended badly (${child.signalCode ?? child.exitCode}).\n${words()}`)
  }
  try {
    return { url: await untilItListens(child, words), stop, kill, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await kill()
    throw error
  }
}

/** The address from the log line that says the server has started. */
async function untilItListens(
  child: ChildProcess & { stdout: Readable },
  words: () => string,
): Promise<string> {
  const patience = setTimeout(() => child.kill('SIGKILL'), startMs)
  try {
    for await (const line of createInterface(child.stdout)) {
      const entry: { event?: string; url?: string } = JSON.parse(line)
      if (entry.event === 'server-started' && entry.url !== undefined) return entry.url
    }
  } finally {
    clearTimeout(patience)
    // Later lines are of no interest, but a full pipe would stop the server.
    child.stdout.resume()
  }
  throw new Error(`The server did not start.\n${words()}`)
}

function collectWords(stream: Readable): () => string {
  let words = ''
  stream.setEncoding('utf8').on('data', (piece: string) => (words += piece))
  return () => words.trim()
}
