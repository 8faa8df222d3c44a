import { APIError } from 'openai'
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions'
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest'
import {
  callsTools,
  conversation,
  type RecordedRequest,
  says,
  type ScriptedToolCall,
} from '../../scripted-anthropic/server.ts'
import { leftOver, processesWith, type RunningProcess } from '../../support/leaks.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'

/** `claude_options` as a client writes it; wrong ones too. */
export type Options = Record<string, unknown>

/** A tool use or its result, as `include_activity` shows it. */
export type Activity = {
  type: string
  id: string
  name?: string
  input?: unknown
  content?: unknown
  is_error?: boolean
  parent_id?: string
}

type Run = {
  session_id: string
  cost_usd: number
  duration_ms: number
  turns: number
  debug_log?: string
}

/** An answer with what is ours beside OpenAI's fields. */
export type Answer = ChatCompletion & { claude: Run & { activity?: Activity[] } }

export type Chunk = ChatCompletionChunk & { claude?: Partial<Run> & { activity?: Activity } }

/** What a request has besides `claude_options`; one user message without. */
export type Asked = { messages?: ChatCompletionMessageParam[]; [field: string]: unknown }

/** An error as the official client throws it. */
export type Refusal = { status: number; code: string; param: string | null; message: string }

/** What the model was told of a tool use. */
export type Told = { text: string; isError: boolean }

/** What the tests of one file share: a server, what its model was asked, and ways to ask. */
export class Stage {
  #server: TestServer | undefined
  #configDir = ''

  get server(): TestServer {
    if (!this.#server) throw new Error('The server has not been started.')
    return this.#server
  }

  get anthropic(): TestServer['anthropic'] {
    return this.server.anthropic
  }

  /** What the scripted model was asked in this test. */
  get requests(): RecordedRequest[] {
    return this.anthropic.requests
  }

  /** The newest of them. */
  get request(): RecordedRequest {
    const request = this.requests.at(-1)
    if (!request) throw new Error('No request reached the scripted model.')
    return request
  }

  async open(settings: Record<string, string>): Promise<void> {
    this.#server = await startTestServer(settings)
    this.#configDir = settings['CLAUDE_CONFIG_DIR'] ?? this.#server.configDir
  }

  /** Closes the server; fails when one of its processes is left. */
  async close(): Promise<void> {
    await this.#server?.close()
    expect(await leftOver(() => this.processes())).toEqual([])
  }

  /** What this server has started and runs now. */
  processes(): Promise<RunningProcess[]> {
    return processesWith(`CLAUDE_CONFIG_DIR=${this.#configDir}`)
  }

  ask(options: Options, asked: Asked = {}): Promise<Answer> {
    return ask(this.server, options, asked)
  }

  stream(options: Options, asked: Asked = {}): Promise<Chunk[]> {
    return stream(this.server, options, asked)
  }

  refused(options: Options, asked: Asked = {}): Promise<Refusal> {
    return refused(this.server, options, asked)
  }

  /** Asks while the model uses these tools one after another; gives what it was told of each. */
  async use(calls: ScriptedToolCall[], options: Options): Promise<Told[]> {
    this.anthropic.enqueue(...calls.map((call) => callsTools([call])), says('Done.'))
    const answer = await this.ask(options)
    expect(textOf(answer)).toBe('Done.')
    return toolResults(this.request)
  }
}

/**
 * A server for all tests of a file or of a `describe`; what its model was asked, and answers, is each test's own. The settings are
 * read when the server starts.
 */
export function stage(
  settings: Record<string, string> | (() => Promise<Record<string, string>>) = {},
): Stage {
  vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
  const shared = new Stage()
  beforeAll(async () => shared.open(typeof settings === 'function' ? await settings() : settings))
  beforeEach(() => {
    shared.requests.splice(0)
    shared.anthropic.respond = () => says('Hello from the scripted model.')
  })
  afterAll(() => shared.close())
  return shared
}

type Asking = Pick<TestServer, 'client'>

function bodyOf(options: Options, asked: Asked) {
  const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: 'Go.' }]
  return { model: 'claude-code', messages, ...asked, claude_options: options }
}

export async function ask(
  { client }: Asking,
  options: Options,
  asked: Asked = {},
): Promise<Answer> {
  const body = { ...bodyOf(options, asked), stream: false as const }
  // What is ours is not in the client's types.
  return (await client.chat.completions.create(body)) as Answer
}

/** The chunks of a streamed answer. */
export async function stream(
  { client }: Asking,
  options: Options,
  asked: Asked = {},
): Promise<Chunk[]> {
  const body = { ...bodyOf(options, asked), stream: true as const }
  const chunks: Chunk[] = []
  for await (const chunk of await client.chat.completions.create(body)) chunks.push(chunk)
  return chunks
}

/** The error of a request that must fail. */
export async function refused(
  asking: Asking,
  options: Options,
  asked: Asked = {},
): Promise<Refusal> {
  const outcome: unknown = await ask(asking, options, asked).catch((error: unknown) => error)
  if (!(outcome instanceof APIError))
    throw new Error(`The request was answered: ${JSON.stringify(outcome)}`, { cause: outcome })
  const { status, code, param, message } = outcome
  return { status: Number(status), code: String(code), param: param ?? null, message }
}

export function textOf(answer: Answer): string {
  return answer.choices[0]?.message.content ?? ''
}

/** The words of all chunks together, as a plain client shows them. */
export function streamedText(chunks: readonly Chunk[]): string {
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
}

/** What Claude Code itself adds at the end of a message with pictures (docs/files.md). */
const pictureNote = /^\[Image:? source: [^\]]*\]\n?$/

/**
 * The conversation as the caller wrote it: without Claude Code's notes on pictures, and without the line break that it puts
 * after a text that another one follows.
 */
export function written(request: RecordedRequest): ReturnType<typeof conversation> {
  return conversation(request).map(({ role, content }) => ({
    role,
    content: content
      .filter(({ text }) => typeof text !== 'string' || !pictureNote.test(text))
      .map((block) =>
        typeof block['text'] === 'string'
          ? { ...block, text: block['text'].replace(/\n$/, '') }
          : block,
      ),
  }))
}

/** The blocks of the newest message. */
export function question(request: RecordedRequest): Record<string, unknown>[] {
  return written(request).at(-1)?.content ?? []
}

/** Who said what, in order, text alone. */
export function said(request: RecordedRequest): string[] {
  return written(request).map(
    ({ role, content }) => `${role}: ${content.map(({ text }) => text).join('|')}`,
  )
}

/** The names of the tools that the model was offered. */
export function offered(request: RecordedRequest): string[] {
  return (request.body.tools ?? []).map(({ name }) => name)
}

/** Every result of a tool that the model was told, in order. */
export function toolResults(request: RecordedRequest): Told[] {
  return conversation(request)
    .flatMap(({ content }) => content)
    .filter(({ type }) => type === 'tool_result')
    .map(({ content, is_error }) => ({
      text: typeof content === 'string' ? content : JSON.stringify(content),
      isError: is_error === true,
    }))
}
