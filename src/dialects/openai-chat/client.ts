import type { FinishReason } from '../../turn/event.ts'
import type { UserPart } from '../../turn/message.ts'
import type { Turn } from '../../turn/turn.ts'
import type { Usage } from '../../turn/usage.ts'
import { includesUsage } from './chunks.ts'
import { encodePart, encodeTurn } from './encode-turn.ts'

type Json = Record<string, unknown>

/** Whether the caller speaks this dialect: then an upstream gets its own body, and its answer is relayed as it is. */
export function isOwn(turn: Turn): boolean {
  return turn.source.dialect === 'openai-chat'
}

/** What an upstream is asked for in its own way. */
export type Asked = {
  /** Instead of the caller's. */
  model?: string
  stream: boolean
  /** A stream is to tell what was used, whether the caller wants to know or not. */
  tellsUsage?: boolean
  /** Added to the last user message. */
  attachments: readonly UserPart[]
}

/**
 * The request for an upstream: the caller's own body, unknown fields included, or what a turn of another dialect asks. Only this differs: `model` when the upstream has one
 * of its own, `stream`, no `claude_options`, one choice (`n` is answered by as many turns), no `stream_options` without a stream (OpenAI
 * refuses them), `include_usage` where it is needed, the system prompt's addition as a system message, and the attachments at the end of the last user message.
 */
export function encodeRequest(turn: Turn, options: Asked): Json {
  const { claude_options: _claudeOptions, n: _n, stream_options, ...body } = bodyOf(turn)
  const model = options.model ?? body.model ?? turn.model
  const messages = Array.isArray(body.messages) ? body.messages : []
  return {
    ...body,
    ...(typeof model === 'string' && { model }),
    stream: options.stream,
    ...streamOptions(stream_options, options),
    messages: withAttachments(
      withInstruction(messages, turn.claude.appendSystemPrompt),
      options.attachments,
    ),
  }
}

/** The stream's last chunk counts the tokens, which whoever translates needs. */
function bodyOf(turn: Turn): Readonly<Json> {
  return isOwn(turn)
    ? turn.source.body
    : { ...encodeTurn(turn), stream_options: { include_usage: true } }
}

/** The caller's bytes, where the request for an upstream would be the same; undefined where anything differs. */
export function unchangedRequest(turn: Turn, options: Asked): Uint8Array | undefined {
  const { body, bytes } = turn.source
  const { claude_options, n, stream = false, stream_options, model } = body
  const isSame =
    isOwn(turn) &&
    claude_options === undefined &&
    n === undefined &&
    stream === options.stream &&
    (options.stream || stream_options === undefined) &&
    (!options.stream || !options.tellsUsage || asksForUsage(turn)) &&
    typeof model === 'string' &&
    (options.model === undefined || options.model === model) &&
    turn.claude.appendSystemPrompt === undefined &&
    options.attachments.length === 0
  return isSame ? bytes : undefined
}

/** Whether the caller wants a stream to tell what was used. */
export function asksForUsage({ source: { body } }: Turn): boolean {
  return includesUsage(body)
}

function streamOptions(own: unknown, { stream, tellsUsage }: Asked): Json {
  if (!stream) return {}
  if (!tellsUsage) return own === undefined ? {} : { stream_options: own }
  return { stream_options: { ...(isObject(own) && own), include_usage: true } }
}

function withInstruction(messages: readonly unknown[], text: string | undefined): unknown[] {
  if (text === undefined) return [...messages]
  const first = messages.findIndex((message) => !['system', 'developer'].includes(roleOf(message)))
  return messages.toSpliced(first === -1 ? messages.length : first, 0, {
    role: 'system',
    content: text,
  })
}

function withAttachments(messages: unknown[], attachments: readonly UserPart[]): unknown[] {
  if (attachments.length === 0) return messages
  const parts = attachments.map(encodePart)
  const last = messages.findLastIndex((message) => roleOf(message) === 'user')
  const message = messages[last]
  if (!isObject(message)) return [...messages, { role: 'user', content: parts }]
  const { content } = message
  const own = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  return messages.with(last, {
    ...message,
    content: [...(Array.isArray(own) ? own : []), ...parts],
  })
}

function roleOf(message: unknown): string {
  return isObject(message) && typeof message.role === 'string' ? message.role : ''
}

/** What is looked into in a piece of an upstream's answer; everything else is relayed unseen. */
export type AnswerPiece = {
  id?: string
  model?: string
  /** Whether the model says something here: text, thinking, a refusal, a tool call, or what a vendor added. A role alone is nothing. */
  hasOutput: boolean
  finish?: FinishReason
  usage?: Usage
  error?: UpstreamError
}

/** An error object, from an error answer's body or from inside a stream. */
export type UpstreamError = {
  message?: string
  param?: string
  /** The vendor's own word for it (`code`, else `type`). */
  kind?: string
  /** The HTTP status that some vendors give as `code`. */
  status?: number
  /** The vendor says that it is about the content. */
  isFlagged?: true
}

/** Looks into a whole answer (`chat.completion`). */
export function readAnswer(body: Json): AnswerPiece {
  return readPiece(body, 'message')
}

/** Looks into one chunk of a stream (`chat.completion.chunk`). */
export function readChunk(chunk: Json): AnswerPiece {
  return readPiece(chunk, 'delta')
}

function readPiece(value: Json, content: 'message' | 'delta'): AnswerPiece {
  const choices = (Array.isArray(value.choices) ? value.choices : []).filter(isObject)
  const finish = choices
    .map((choice) => choice.finish_reason)
    .find((reason) => typeof reason === 'string')
  const error = readError(value) ?? choices.map(readError).find((found) => found !== undefined)
  return {
    hasOutput: choices.some((choice) => saysSomething(choice[content])),
    ...(typeof value.id === 'string' && { id: value.id }),
    ...(typeof value.model === 'string' && { model: value.model }),
    ...(typeof finish === 'string' && { finish: finishReasons.get(finish) ?? 'stop' }),
    ...(isObject(value.usage) && { usage: readUsage(value.usage) }),
    ...(error !== undefined && { error }),
    // OpenRouter ends an answer that broke off this way.
    ...(finish === 'error' && { error: error ?? {} }),
  }
}

const finishReasons = new Map<string, FinishReason>([
  ['length', 'length'],
  ['tool_calls', 'tool-calls'],
  ['function_call', 'tool-calls'],
  ['content_filter', 'content-filter'],
])

function saysSomething(content: unknown): boolean {
  if (!isObject(content)) return false
  return Object.entries(content).some(([field, value]) => field !== 'role' && !isEmpty(value))
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** The error object in an answer, however the vendor wraps it; undefined when there is none. */
export function readError(value: unknown): UpstreamError | undefined {
  if (!isObject(value)) return undefined
  // vLLM writes the error itself where others wrap it.
  const error = value.object === 'error' ? value : value.error
  if (isEmpty(error)) return undefined
  if (!isObject(error)) return typeof error === 'string' ? { message: error } : {}
  const kind = [error.code, error.type].find((word) => typeof word === 'string')
  const status = Number(error.code ?? error.status)
  return {
    ...(typeof error.message === 'string' && { message: error.message }),
    ...(typeof error.param === 'string' && { param: error.param }),
    ...(typeof kind === 'string' && { kind }),
    ...(Number.isInteger(status) && status >= 400 && status <= 599 && { status }),
    ...(isObject(error.metadata) && !isEmpty(error.metadata.reasons) && { isFlagged: true }),
  }
}

/** OpenAI counts cached tokens into the prompt, the hub beside it. */
function readUsage(usage: Json): Usage {
  const prompt = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {}
  const completion = isObject(usage.completion_tokens_details)
    ? usage.completion_tokens_details
    : {}
  const cacheReadTokens = count(prompt.cached_tokens)
  const cacheCreationTokens = count(prompt.cache_write_tokens)
  return {
    inputTokens: Math.max(0, count(usage.prompt_tokens) - cacheReadTokens - cacheCreationTokens),
    cacheReadTokens,
    cacheCreationTokens,
    outputTokens: count(usage.completion_tokens),
    reasoningTokens: count(completion.reasoning_tokens),
  }
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
