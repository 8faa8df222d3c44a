import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Ends Claude Code's processes when this server was killed without a chance to clean up. A Claude Code process in the middle
 * of a turn goes on after its standard input closed, so somebody outside must end it: a shell that reads the ids of our
 * children and, once our end of the pipe is gone, ends their process groups. Costs one small `sh`, started with the first
 * child; on Windows there is none, and a killed server may leave its processes.
 */
export class Reaper {
  #shell: ChildProcess | undefined

  /** Call it with a child that leads its own process group (`detached: true`). */
  watch(child: ChildProcess): void {
    const { pid } = child
    if (pid === undefined || process.platform === 'win32') return
    this.#say(`+ ${pid}`)
    child.once('exit', () => this.#say(`- ${pid}`))
  }

  /** Stops watching; children that are still watched are ended. */
  close(): void {
    this.#shell?.stdin?.end()
  }

  #say(line: string): void {
    this.#shell ??= startShell()
    this.#shell.stdin?.write(`${line}\n`)
  }
}

const script = `
pids=' '
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) pids=$(printf '%s' "$pids" | sed "s/ $pid / /") ;;
  esac
done
[ "$pids" = ' ' ] && exit 0
for pid in $pids; do kill -s TERM -- "-$pid"; done
sleep 1
for pid in $pids; do kill -s KILL -- "-$pid"; done
`

function startShell(): ChildProcess {
  // Its own process group: a Ctrl-C in the terminal must not end the one that cleans up after it.
  const shell = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  })
  shell.on('error', ignoreLoss)
  shell.stdin?.on('error', ignoreLoss)
  shell.unref()
  return shell
}

/** Without a shell there is nobody to clean up after a kill -9; everything else works. */
function ignoreLoss(): void {}
