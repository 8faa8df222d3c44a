import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { Options, SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages'
import { expect, vi } from 'vitest'
import { answer, type AnswerOptions } from '../../src/engine/answer/answer.ts'
import { requireClaude } from '../../src/engine/binary.ts'
import { endProcess } from '../../src/engine/processes/child.ts'
import { ClaudeProcess } from '../../src/engine/processes/claude-process.ts'
import { ClientTools } from '../../src/engine/tools/client-tools.ts'
import { childEnvironment } from '../../src/engine/environment.ts'
import { type Decisions, processOptions } from '../../src/engine/options.ts'
import { TurnClock } from '../../src/engine/processes/turn-clock.ts'
import { WaitingRoom } from '../../src/engine/processes/waiting-room.ts'
import { warmUpRequest } from '../../src/engine/processes/warm-up.ts'
import { TurnError } from '../../src/turn/error.ts'
import { collect, type TurnResult } from '../../src/turn/result.ts'
import type { Turn } from '../../src/turn/turn.ts'
import { type ScriptedAnthropic, startScriptedAnthropic } from '../scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder } from '../support/claude.ts'
import { turnOf } from './turns.ts'

export type ResultMessage = Extract<SDKMessage, { type: 'result' }>

/** How a process differs from the plainest one that the engine starts. */
export type StartOptions = {
  turn?: Partial<Turn>
  decisions?: Partial<Decisions>
  /** Over what `processOptions` gives: to take one belt off, or where the fact is the SDK's alone. */
  options?: Partial<Options>
  /** Over the child's environment; `undefined` takes a variable out. */
  environment?: Record<string, string | undefined>
  room?: WaitingRoom
}

/** What the tests of one file share: a scripted API, folders, and the processes of the real binary, which `close` ends. */
export class Stage {
  readonly anthropic: ScriptedAnthropic
  /** The binary and its version. */
  readonly claude: { path: string; version: string }
  /** `CLAUDE_CONFIG_DIR`. */
  readonly configDir: string
  /** `CLAUDE_CODE_TMPDIR`. */
  readonly temporaryDir: string
  /** The working folder, links resolved. */
  readonly folder: string
  readonly room: WaitingRoom
  readonly children: ChildProcess[] = []
  readonly #remove: () => PromiseLike<void>

  private constructor(
    parts: Pick<Stage, 'anthropic' | 'claude' | 'configDir' | 'temporaryDir' | 'folder'>,
    remove: () => PromiseLike<void>,
  ) {
    this.anthropic = parts.anthropic
    this.claude = parts.claude
    this.configDir = parts.configDir
    this.temporaryDir = parts.temporaryDir
    this.folder = parts.folder
    this.#remove = remove
    this.room = this.newRoom(0)
  }

  static async open(): Promise<Stage> {
    // A process starts in half a second of processor time, and test files run beside each other.
    vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
    const temporary = await temporaryFolder()
    const top = await realpath(temporary.path)
    const places = {
      configDir: join(top, 'config'),
      temporaryDir: join(top, 'temporary'),
      folder: join(top, 'work'),
    }
    for (const path of Object.values(places)) await mkdir(path)
    const [anthropic, claude] = await Promise.all([startScriptedAnthropic(), requireClaude()])
    return new Stage({ anthropic, claude, ...places }, () => temporary[Symbol.asyncDispose]())
  }

  newRoom(places: number): WaitingRoom {
    return new WaitingRoom({
      warmUp: warmUpRequest,
      limits: { floor: places, ceiling: places },
      onStart: (child) => void this.children.push(child),
    })
  }

  /** The child's environment as the engine makes it. */
  environment(source: Record<string, string> = {}): Record<string, string> {
    return childEnvironment({
      source: {
        ...claudeEnvironment(this.anthropic.url, this.configDir),
        CLAUDE_CODE_TMPDIR: this.temporaryDir,
        ...source,
      },
      pass: [],
      maxRetries: 0,
      clientApp: 'contract-test/1',
    })
  }

  options(start: StartOptions = {}): Options {
    const turn = turnOf(start.turn)
    const decisions: Decisions = {
      claude: this.claude.path,
      environment: this.environment(),
      folder: this.folder,
      modelListed: true,
      isKept: true,
      mcpServers: {},
      permissions: {},
      agentic: false,
      clientTools: new ClientTools(turn),
      ...start.decisions,
    }
    const options = processOptions(turn, decisions)
    return { ...options, env: { ...options.env, ...start.environment }, ...start.options }
  }

  /** A process that has answered `initialize`. */
  async start(start: StartOptions = {}): Promise<TestProcess> {
    const process = new TestProcess(this.options(start), start.room ?? this.room)
    await process.introduction()
    return process
  }

  /** The newest request that reached the API. */
  get lastRequest() {
    const request = this.anthropic.requests.at(-1)
    if (!request) throw new Error('No request reached the scripted API.')
    return request
  }

  /** Ends everything; fails when a process is left. */
  async close(): Promise<void> {
    const left = this.children.filter(isRunning)
    const exits = left.map((child) => once(child, 'exit'))
    for (const child of left) endProcess(child)
    await Promise.all(exits)
    const others = await processesOf(this.configDir)
    await this.anthropic.close()
    await this.#remove()
    expect(left.map(({ spawnargs }) => spawnargs.join(' '))).toEqual([])
    expect(others).toEqual([])
  }
}

/** A process that keeps what it said, and ends with its user. */
export class TestProcess extends ClaudeProcess implements AsyncDisposable {
  readonly messages: SDKMessage[] = []

  override async next(): Promise<SDKMessage> {
    const message = await super.next()
    this.messages.push(message)
    return message
  }

  /** Reads until the turn's result. */
  async result(): Promise<ResultMessage> {
    for (;;) {
      const message = await this.next()
      if (message.type === 'result') return message
    }
  }

  /** Runs one turn. */
  turn(content: string | ContentBlockParam[]): Promise<ResultMessage> {
    this.ask(typeof content === 'string' ? [{ type: 'text', text: content }] : content)
    return this.result()
  }

  /** Runs one turn as the engine reads it: the whole answer, or the error that the caller gets. */
  async answered(
    text: string,
    changes: { turn?: Partial<Turn>; options?: Partial<AnswerOptions> } = {},
  ): Promise<TurnResult> {
    this.ask([{ type: 'text', text }])
    const turn = turnOf(changes.turn)
    const options = {
      provider: 'claude-code',
      agentic: false,
      clientTools: new ClientTools(turn),
      retryPatienceMs: 5_000,
      ...changes.options,
    }
    return collect(answer(this, turn, clock(), options))
  }

  async failed(...request: Parameters<TestProcess['answered']>): Promise<TurnError> {
    const outcome = await this.answered(...request).catch((error: unknown) => error)
    if (outcome instanceof TurnError) return outcome
    throw new Error(`The turn did not fail with a TurnError: ${JSON.stringify(outcome)}`, {
      cause: outcome,
    })
  }

  get pid(): number {
    return this.child?.pid ?? -1
  }

  /** Ends it and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { child } = this
    this.close()
    if (child && isRunning(child)) await once(child, 'exit')
  }
}

/** Limits that only a hung test meets. */
export function clock(): TurnClock {
  const limits = {
    startMs: 30_000,
    firstTokenMs: 30_000,
    idleMs: 30_000,
    toolMs: 60_000,
    turnMs: 60_000,
  }
  return new TurnClock(limits, new AbortController().signal)
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** Whether a process that need not be our child runs; one that only waits to be reaped does not. */
export async function runs(pid: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
    return !/\) [ZX]/.test(stat)
  }
  try {
    return process.kill(pid, 0)
  } catch {
    // No such process.
    return false
  }
}

/** The command lines of all processes with this `CLAUDE_CONFIG_DIR`, whoever started them; Linux only. */
export async function processesOf(configDir: string): Promise<string[]> {
  if (process.platform !== 'linux') return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const variables = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      if (!variables.split('\0').includes(`CLAUDE_CONFIG_DIR=${configDir}`)) return []
      return (await runs(Number(pid)))
        ? [`${pid} ${(await commandLine(Number(pid))).join(' ')}`]
        : []
    }),
  )
  return found.flat()
}

/** The arguments of a running process; Linux only. */
export async function commandLine(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
}
