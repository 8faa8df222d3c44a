import type { ChildProcess } from 'node:child_process'
import {
  type EffortLevel,
  type Options,
  query,
  type Query,
  type SDKMessage,
  type SDKUserMessage,
  type SpawnedProcess,
} from '@anthropic-ai/claude-agent-sdk'
import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages'
import { z } from 'zod'
import { Channel } from '../../lib/channel.ts'
import { FlowGate } from '../../lib/flow-gate.ts'
import { endProcess, isAlive } from './child.ts'
import { failureOfEnd } from '../failures.ts'
import type { CallBound } from '../permissions/call-bound.ts'
import type { Mirror } from '../conversation/mirror.ts'
import type { Launched, WaitingRoom } from './waiting-room.ts'

/** What Claude Code says of itself when a session begins. */
export type Introduction = Awaited<ReturnType<Query['initializationResult']>>

/** What can be set after the start, so that one waiting process serves every model and effort. */
export type LateSettings = {
  model?: string
  effort?: EffortLevel
  /** Asks for no thinking; models that always think go on doing so, with less effort. */
  noThinking: boolean
  maxOutputTokens?: number
  /** Says nothing of how commits are to be signed. */
  noAttribution?: boolean
  /** More fields of the API request. */
  extraBody?: Readonly<Record<string, unknown>>
}

/** `pinned`: its like is to wait from now on; `bound`: of the calls in each of its answers. */
export type ProcessUse = { pinned?: boolean; mirror?: Mirror; bound?: CallBound | undefined }

/** One Claude Code process, as a conversation partner: messages go in, SDK messages come out, one turn at a time. */
export class ClaudeProcess {
  readonly #query: Query
  readonly #input = new Channel<SDKUserMessage>()
  readonly #output = new FlowGate(outputBytes)
  #launched: Launched | undefined
  #turns = 0
  #heard = false
  #conversations = 1
  /** Follows what it writes down. */
  readonly mirror: Mirror | undefined
  /** Begins anew with each turn. */
  readonly bound: CallBound | undefined

  constructor(
    options: Options,
    room: WaitingRoom,
    { pinned = false, mirror, bound }: ProcessUse = {},
  ) {
    this.mirror = mirror
    this.bound = bound
    this.#query = query({
      prompt: this.#input,
      options: {
        ...options,
        ...(mirror && { sessionStore: mirror.store }),
        spawnClaudeCodeProcess: (spawnOptions) => {
          this.#launched = room.take(spawnOptions, pinned)
          const { child } = this.#launched
          mirror?.startedAs(child.pid)
          child.once('exit', () => void mirror?.ended())
          return forSdk(child, this.#output)
        },
      },
    })
    // A process that never answers is reported by whoever waits for it.
    this.#query.initializationResult().catch(() => {})
  }

  /** Resolves when the process has answered `initialize`. */
  introduction(): Promise<Introduction> {
    return this.#guard(this.#query.initializationResult())
  }

  async set(settings: LateSettings): Promise<void> {
    const environment = environmentOf(settings)
    const flags: Parameters<Query['applyFlagSettings']>[0] = {
      ...(settings.effort && { effortLevel: settings.effort }),
      ...(settings.noAttribution && { attribution: false }),
      ...(Object.keys(environment).length > 0 && { env: environment }),
    }
    await this.#guard(
      Promise.all([
        settings.model !== undefined && this.#query.setModel(settings.model),
        Object.keys(flags).length > 0 && this.#query.applyFlagSettings(flags),
        settings.noThinking && this.#query.setMaxThinkingTokens(0),
      ]),
    )
  }

  /** Sends a user message that starts a turn. */
  ask(content: ContentBlockParam[]): void {
    this.#heard = false
    this.#turns++
    this.#input.push(userMessage(content))
  }

  /** Adds a user message without a turn; read until its (empty) result before anything else is sent. */
  addUser(content: ContentBlockParam[]): void {
    this.#input.push({ ...userMessage(content), shouldQuery: false })
  }

  /** Adds an assistant message to the conversation. `model`: whose it is; of another's than the one that answers, thinking is left out. */
  addAssistant(content: ContentBlockParam[], model?: string): void {
    const message = {
      type: 'assistant',
      message: { role: 'assistant', content, ...(model !== undefined && { model }) },
      parent_tool_use_id: null,
      uuid: crypto.randomUUID(),
    }
    // The process accepts an assistant message on its input (contract test); the SDK's type names only the user's.
    this.#input.push(message as unknown as SDKUserMessage)
  }

  /** Has Claude Code run a command of its own, such as `/clear`; its result follows. Never a caller's text. */
  command(text: string): string {
    const { client_composed: _, ...message } = userMessage([{ type: 'text', text }])
    this.#input.push(message)
    return message.uuid
  }

  /**
   * Takes a message and all that follow it out of the conversation; false when Claude Code refuses. The control is not in the SDK's
   * typings: a contract test holds it (docs/decisions/0009-reuse.md).
   */
  async rewind(target: string, lastSeen: string): Promise<boolean> {
    const control: unknown = this.#query
    if (!hasRequest(control)) return false
    const request = {
      subtype: 'rewind_conversation',
      target_message_uuid: target,
      last_seen_user_message_uuid: lastSeen,
    }
    const isDone = isRewound(await this.#guard(control.request(request)))
    if (isDone) this.#conversations++
    return isDone
  }

  /** The next message; throws `claude_crashed` when the process has ended. */
  async next(): Promise<SDKMessage> {
    const { done, value } = await this.#guard(this.#query.next())
    if (done) throw failureOfEnd(undefined, this)
    // Every turn begins with it; before it there may be remains of the turn before.
    if (value.type === 'system' && value.subtype === 'init') this.#heard = true
    return value
  }

  /** Stops the running turn; its result follows as a message. */
  async interrupt(): Promise<void> {
    this.#output.open()
    await this.#guard(this.#query.interrupt())
  }

  /** The SDK throws plain errors; here they become the project's own. */
  async #guard<T>(promise: Promise<T>): Promise<T> {
    try {
      return await this.#output.whileRead(promise)
    } catch (error) {
      throw failureOfEnd(error, this)
    }
  }

  /** Whether the process was waiting when it was needed: for its first turn, or since its last one. */
  get waited(): boolean {
    return this.#turns > 1 || (this.#launched?.waited ?? false)
  }

  /** Whether the process can still be talked to. */
  get alive(): boolean {
    return this.child !== undefined && isAlive(this.child)
  }

  /** How many conversations it has had, one after another. */
  get conversations(): number {
    return this.#conversations
  }

  /** Whether it has taken up the turn that it was last asked for. */
  get heard(): boolean {
    return this.#heard
  }

  get stderr(): string {
    return this.#launched?.stderr() ?? ''
  }

  get child(): ChildProcess | undefined {
    return this.#launched?.child
  }

  /** Ends an idle process: it may finish writing its transcript, then it is ended with all that it started. */
  close(): void {
    this.mirror?.closing()
    this.#output.open()
    this.#input.close()
    this.#query.close()
    const { child } = this
    if (!child) void this.mirror?.ended()
    if (!child || child.exitCode !== null) return
    const insist = setTimeout(() => endProcess(child), closeMs)
    child.once('exit', () => clearTimeout(insist))
  }

  /** Ends a process whatever it is doing: the turn is stopped first, so that no tool and no API call goes on. */
  async abandon(): Promise<void> {
    this.mirror?.closing()
    // What is buffered stands before the acknowledgement.
    this.#output.open()
    const patience = new Promise<void>((resolve) => setTimeout(resolve, interruptMs).unref())
    await Promise.race([this.#query.interrupt().catch(() => undefined), patience])
    this.close()
    const { child } = this
    if (child) endProcess(child)
  }
}

/** How long a process that was told to close may take, in milliseconds. */
const closeMs = 2_500
/** How long it may take to acknowledge an interrupt. */
const interruptMs = 300

/** How much of its output may be waiting to be read, in bytes, before a process must wait with the rest. */
const outputBytes = 64 * 1024

/** A caller's message. `client_composed`: `@path` and `/command` in it stay text. */
function userMessage(content: ContentBlockParam[]) {
  return {
    type: 'user',
    message: { role: 'user', content },
    parent_tool_use_id: null,
    uuid: crypto.randomUUID(),
    client_composed: true,
  } as const satisfies SDKUserMessage
}

/** The child as the SDK is to see it, its output through the gate. */
function forSdk(child: ChildProcess, gate: FlowGate): SpawnedProcess {
  if (!child.stdin || !child.stdout) throw new Error('The process was started without pipes.')
  child.stdout.pipe(gate)
  return {
    stdin: child.stdin,
    stdout: gate,
    get killed() {
      return child.killed
    },
    get exitCode() {
      return child.exitCode
    },
    get signalCode() {
      return child.signalCode
    },
    kill: (signal) => child.kill(signal),
    on: child.on.bind(child),
    once: child.once.bind(child),
    off: child.off.bind(child),
  }
}

/** What the SDK sends every control request with; not in its typings. */
type Control = { request(request: Record<string, unknown>): Promise<unknown> }

function hasRequest(value: unknown): value is Control {
  return (
    typeof value === 'object' &&
    value !== null &&
    'request' in value &&
    typeof value.request === 'function'
  )
}

function isRewound(reply: unknown): boolean {
  return rewound.safeParse(reply).success
}

const rewound = z.object({ response: z.object({ rewound: z.literal(true) }) })

/** Fields of the API request that Claude Code sets only from its environment. */
function environmentOf({ maxOutputTokens, extraBody }: LateSettings): Record<string, string> {
  return {
    ...(maxOutputTokens !== undefined && {
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: String(maxOutputTokens),
    }),
    ...(extraBody && { CLAUDE_CODE_EXTRA_BODY: JSON.stringify(extraBody) }),
  }
}
