import type { ChildProcess } from 'node:child_process'

/**
 * Whether a process can still be talked to. One that was killed is told of in two steps, in either order: its output ends, and it
 * exits. The SDK waits for ever on a process whose output had ended before it was handed over.
 */
export function isAlive({ exitCode, signalCode, stdin, stdout }: ChildProcess): boolean {
  const hasEnded = exitCode !== null || signalCode !== null
  return !hasEnded && !stdin?.destroyed && !stdout?.destroyed && !stdout?.readableEnded
}

/** Ends a process and its group: asks, and after two seconds insists. */
export function endProcess(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return
  signalGroup(child, 'SIGTERM')
  const insist = setTimeout(() => signalGroup(child, 'SIGKILL'), 2_000)
  child.once('exit', () => clearTimeout(insist))
}

/** Ends what an ended process has left in its group: the sandbox's helpers, commands that went into the background. */
export function endOrphans(child: ChildProcess): void {
  if (process.platform === 'win32') return
  signalGroup(child, 'SIGTERM')
  setTimeout(() => signalGroup(child, 'SIGKILL'), orphansMs).unref()
}

/** How long they may take to end by themselves, in milliseconds. */
const orphansMs = 500

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill(signal)
    else process.kill(-child.pid, signal)
  } catch {
    // The group has ended in the meantime.
  }
}
