import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** The variable by which the commands that a process runs are known as its own. */
export const markName = 'CLAUDE_CODE_API_PROCESS'

/** How long a command may take to end by itself, in milliseconds. */
const patienceMs = 500
const rounds = 50

/**
 * Ends the commands of a process that was killed. Claude Code runs each in a session of its own and ends it itself, but for a kill it
 * has no time: nothing but the environment tells then whose they were. Only where there is a `/proc`.
 */
export async function endMarked(mark: string): Promise<void> {
  if ((await signalMarked(mark, 'SIGTERM')) === 0) return
  await sleep(patienceMs)
  // What is killed may have started something just before; what even that does not end, nothing does.
  for (let round = 0; round < rounds && (await signalMarked(mark, 'SIGKILL')) > 0; round++)
    await sleep(10)
}

async function signalMarked(mark: string, signal: NodeJS.Signals): Promise<number> {
  const names = await readdir('/proc').catch(() => [])
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const marked = await Promise.all(pids.map(async (pid) => (await isMarked(pid, mark)) && pid))
  let signalled = 0
  for (const pid of marked) if (pid !== false && kill(pid, signal)) signalled++
  return signalled
}

async function isMarked(pid: number, mark: string): Promise<boolean> {
  // Another user's process cannot be read, and one that has ended has no environment any more.
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
  return environment.split('\0').includes(`${markName}=${mark}`)
}

function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    // It has ended in the meantime.
    return false
  }
}
