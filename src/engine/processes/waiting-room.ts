import { type ChildProcess, spawn } from 'node:child_process'
import type { SpawnOptions } from '@anthropic-ai/claude-agent-sdk'
import { endOrphans, endProcess, isAlive } from './child.ts'
import { markName } from './orphans.ts'
import { backOffMs, type Demand, desiredWaiting, type WaitingLimits } from './waiting-policy.ts'

export type WaitingRoomOptions = {
  /** How many processes may wait at once; none: each turn starts its own. */
  limits: WaitingLimits
  /** Called with each process that was started, and the mark that the commands it runs carry. */
  onStart: (child: ChildProcess, mark: string) => void
  isShortOfMemory?: () => boolean
  /** Written to each process that is to wait, as soon as it runs. */
  warmUp?: string
}

/** A running process with the end of what it wrote to standard error. */
export type Launched = { child: ChildProcess; stderr: () => string; waited: boolean }

/**
 * Claude Code processes that were started ahead of time. A process waits before the SDK's `initialize` request, which
 * carries the system prompt, agents and MCP servers, so one waiting process serves any of them (those with MCP servers of other
 * processes are a kind of their own, by a flag on the command line); only what is on the command
 * line, the folder and the environment must be equal. So the SDK is used as it is, and nothing of a caller is in a process
 * that waits.
 */
export class WaitingRoom {
  readonly #options: WaitingRoomOptions
  readonly #waiting = new Map<string, Launched[]>()
  readonly #specs = new Map<string, Known>()
  /** Looks again after a while: demand has passed, or a kind that failed may be tried. */
  readonly #again: NodeJS.Timeout
  #closed = false

  constructor(options: WaitingRoomOptions) {
    this.#options = options
    this.#again = setInterval(() => this.refill(), againMs).unref()
  }

  /** A process for these spawn options: one that waited, or a new one. */
  take(options: SpawnOptions, pinned: boolean): Launched {
    const spec = toSpec(options)
    const key = JSON.stringify(spec)
    this.#count(key, spec, pinned)
    return this.#oneThatWaits(key) ?? this.#start(spec)
  }

  /** Starts what should wait and is not there, ends what should not. Call it when no first token depends on the processor. */
  refill(): void {
    if (this.#closed) return
    const now = performance.now()
    const demands = [...this.#specs.values()].map(({ demand }) => demand)
    const isShortOfMemory = this.#options.isShortOfMemory?.() ?? false
    const desired = desiredWaiting(this.#options.limits, demands, { now, isShortOfMemory })
    for (const [key, launched] of this.#waiting) {
      for (const { child } of launched.splice(desired.get(key) ?? 0)) endProcess(child)
    }
    for (const [key, count] of desired) this.#await(key, count, now)
  }

  /** How many processes wait. */
  get size(): number {
    let size = 0
    for (const launched of this.#waiting.values()) size += launched.length
    return size
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#again)
    for (const launched of this.#waiting.values()) {
      for (const { child } of launched.splice(0)) endProcess(child)
    }
  }

  /** One that was killed may still be here: its end is noticed only when the event loop comes to it. */
  #oneThatWaits(key: string): Launched | undefined {
    const waiting = this.#waiting.get(key) ?? []
    for (let next = waiting.shift(); next; next = waiting.shift())
      if (isAlive(next.child)) return next
    return undefined
  }

  #count(key: string, spec: Spec, pinned: boolean): void {
    const known = this.#specs.get(key)
    const before = known?.demand.starts.slice(-rememberedStarts) ?? []
    const demand: Demand = {
      key,
      starts: [...before, performance.now()],
      pinned: pinned || (known?.demand.pinned ?? false),
    }
    this.#specs.delete(key)
    this.#specs.set(key, { failures: 0, failedAt: 0, ...known, spec, demand })
    const oldest = this.#specs.keys().next().value
    if (this.#specs.size > rememberedSpecs && oldest !== undefined) this.#specs.delete(oldest)
  }

  #await(key: string, count: number, now: number): void {
    const known = this.#specs.get(key)
    // A start that keeps failing is left to the next turn, whose caller then hears why.
    if (!known || now - known.failedAt < backOffMs(known.failures)) return
    const waiting = this.#waiting.get(key) ?? []
    this.#waiting.set(key, waiting)
    while (waiting.length < count) {
      const launched = this.#start(known.spec)
      waiting.push(launched)
      launched.waited = true
      if (!isAwaitingInitialize(known.spec)) launched.child.stdin?.write(this.#options.warmUp ?? '')
      launched.child.once('exit', () => this.#lost(key, launched))
    }
  }

  /** A process has ended: one that waited is replaced, the later the oftener that has happened; one that was used proves its kind. */
  #lost(key: string, launched: Launched): void {
    const waiting = this.#waiting.get(key)
    const index = waiting?.indexOf(launched) ?? -1
    const known = this.#specs.get(key)
    if (known && index < 0) known.failures = 0
    if (this.#closed || index < 0) return
    waiting?.splice(index, 1)
    if (!known) return
    known.failures++
    known.failedAt = performance.now()
    setTimeout(() => this.refill(), backOffMs(known.failures)).unref()
  }

  #start(spec: Spec): Launched {
    const mark = crypto.randomUUID()
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { ...spec.env, [markName]: mark },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A process group of its own: the terminal's Ctrl-C reaches only the server, which then ends its children in order.
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    let tail = ''
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text: string) => {
      tail = (tail + text).slice(-stderrCharacters)
    })
    // A write to a process that has just ended fails here too; its `exit` tells the same.
    child.stdin.on('error', () => {})
    child.on('error', () => {})
    // The SDK, the room and the reaper each wait for its end.
    child.setMaxListeners(30)
    child.once('exit', () => endOrphans(child))
    this.#options.onStart(child, mark)
    return { child, stderr: () => tail, waited: false }
  }
}

/** A way of starting, and how it went. */
type Known = { spec: Spec; demand: Demand; failures: number; failedAt: number }

type Spec = {
  command: string
  args: string[]
  cwd: string | undefined
  env: Record<string, string | undefined>
}

/** A process that is to have MCP servers by `initialize` takes nothing before it, and ends otherwise. */
function isAwaitingInitialize({ args }: Spec): boolean {
  return args.includes('--await-initialize')
}

const rememberedSpecs = 100
const rememberedStarts = 99
const againMs = 15_000
const stderrCharacters = 4_096

function toSpec({ command, args, cwd, env }: SpawnOptions): Spec {
  return { command, args, cwd, env }
}
