import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export type RunningProcess = { pid: number; command: string }

/**
 * The processes that were started with this text in their environment, such as the configuration folder of one test: the
 * binary and every command it ran. Empty where there is no `/proc`.
 */
export async function processesWith(marker: string): Promise<RunningProcess[]> {
  const found = await Promise.all(
    (await processIds()).map(async (pid) => {
      const environment = await readProcess(pid, 'environ')
      return environment.includes(marker) ? describeProcess(pid) : undefined
    }),
  )
  return found.filter((process) => process !== undefined)
}

/** Those of the processes that still run; one that ended and was not yet waited for does not. */
export async function stillRunning(pids: readonly number[]): Promise<RunningProcess[]> {
  const found = await Promise.all(pids.map(describeProcess))
  return found.filter((process) => process !== undefined)
}

/**
 * Waits until `find` finds no process any more. Returns those that were there to the end of the patience, for a test to
 * expect none: `expect(await leftOver(() => processesWith(folder))).toEqual([])`.
 */
export async function leftOver(
  find: () => Promise<RunningProcess[]>,
  patienceMs = 5_000,
): Promise<RunningProcess[]> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const processes = await find()
    if (processes.length === 0 || performance.now() >= deadline) return processes
    await sleep(50)
  }
}

async function processIds(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  return names.filter((name) => /^\d+$/.test(name)).map(Number)
}

/** An ended process has an empty command line. */
async function describeProcess(pid: number): Promise<RunningProcess | undefined> {
  const command = (await readProcess(pid, 'cmdline')).replaceAll('\0', ' ').trim()
  return command === '' ? undefined : { pid, command: command.slice(0, 200) }
}

/** Empty when the process has gone, or belongs to somebody else. */
function readProcess(pid: number, file: 'environ' | 'cmdline'): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
}
