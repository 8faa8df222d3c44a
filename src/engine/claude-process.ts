import type { ChildProcess } from 'node:child_process'
import {
  type EffortLevel,
  type Options,
  query,
  type Query,
  type SDKMessage,
  type SDKUserMessage,
} from '@anthropic-ai/claude-agent-sdk'
import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages'
import { Channel } from '../lib/channel.ts'
import { endProcess, isAlive } from './child.ts'
import { failureOfEnd } from './failures.ts'
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
  /** More fields of the API request. */
  extraBody?: Readonly<Record<string, unknown>>
}

/** One Claude Code process, as a conversation partner: messages go in, SDK messages come out, one turn at a time. */
export class ClaudeProcess {
  readonly #query: Query
  readonly #input = new Channel<SDKUserMessage>()
  #launched: Launched | undefined
  #turns = 0
  #heard = false

  constructor(options: Options, room: WaitingRoom, pinned = false) {
    this.#query = query({
      prompt: this.#input,
      options: {
        ...options,
        spawnClaudeCodeProcess: (spawnOptions) => {
          this.#launched = room.take(spawnOptions, pinned)
          const { child } = this.#launched
          if (!child.stdin || !child.stdout)
            throw new Error('The process was started without pipes.')
          return Object.assign(child, { stdin: child.stdin, stdout: child.stdout })
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

  /** Adds an assistant message to the conversation. */
  addAssistant(content: ContentBlockParam[]): void {
    const message = {
      type: 'assistant',
      message: { role: 'assistant', content },
      parent_tool_use_id: null,
      uuid: crypto.randomUUID(),
    }
    // The process accepts an assistant message on its input (contract test); the SDK's type names only the user's.
    this.#input.push(message as unknown as SDKUserMessage)
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
    await this.#guard(this.#query.interrupt())
  }

  /** The SDK throws plain errors; here they become the project's own. */
  async #guard<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise
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
    this.#input.close()
    this.#query.close()
    const { child } = this
    if (!child || child.exitCode !== null) return
    const insist = setTimeout(() => endProcess(child), closeMs)
    child.once('exit', () => clearTimeout(insist))
  }

  /** Ends a process whatever it is doing: the turn is stopped first, so that no tool and no API call goes on. */
  async abandon(): Promise<void> {
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

function userMessage(
  content: ContentBlockParam[],
): SDKUserMessage & { uuid: NonNullable<SDKUserMessage['uuid']> } {
  return {
    type: 'user',
    message: { role: 'user', content },
    parent_tool_use_id: null,
    uuid: crypto.randomUUID(),
  }
}

/** Fields of the API request that Claude Code sets only from its environment. */
function environmentOf({ maxOutputTokens, extraBody }: LateSettings): Record<string, string> {
  return {
    ...(maxOutputTokens !== undefined && {
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: String(maxOutputTokens),
    }),
    ...(extraBody && { CLAUDE_CODE_EXTRA_BODY: JSON.stringify(extraBody) }),
  }
}
