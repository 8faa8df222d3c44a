import type { ChatCompletionChunk } from 'openai/resources/chat/completions'
import type { TurnEvent } from '../../turn/event.ts'
import { addUsage, noUsage, type Usage } from '../../turn/usage.ts'
import type { ChoiceEvent, EncodeContext } from '../dialect.ts'
import type { SseFrame } from '../sse.ts'
import { type ChunkEncoder, encodeChunks, includesUsage } from './chunks.ts'
import {
  type ActivityExtension,
  type ClaudeExtension,
  type EncodedReason,
  encodeActivity,
  encodeFinishReason,
  encodeId,
  encodeRun,
  isLegacy,
} from './extension.ts'
import { chunkOf } from './relay.ts'
import { CallEncoder, type CallsDelta } from './tool-calls.ts'
import { encodeUsage } from './usage.ts'

type Json = Readonly<Record<string, unknown>>
type Delta = Omit<ChatCompletionChunk.Choice.Delta, 'tool_calls' | 'function_call'> &
  CallsDelta & { reasoning_content?: string }
type Extension = ClaudeExtension | { activity: ActivityExtension }
type Choice = Omit<ChatCompletionChunk.Choice, 'delta'> & { delta: Delta }
export type Chunk = Omit<ChatCompletionChunk, 'choices'> & { choices: Choice[]; claude?: Extension }
type Start = Extract<TurnEvent, { type: 'start' }>

/** The answer as chunks, then `[DONE]`. Throws what the events throw. */
export function encodeStream(
  events: AsyncIterable<ChoiceEvent>,
  request: EncodeContext,
): AsyncIterable<SseFrame> {
  return encodeChunks(events, new ChatChunks(request))
}

/**
 * What chunks need to remember: the id and model that all of them share, which choices have said their first chunk, and the
 * tokens. A choice is `open` once its role chunk is out, and `relayed` when an upstream of this dialect answers it.
 */
class ChatChunks implements ChunkEncoder {
  readonly #request: EncodeContext
  readonly #choices: number
  readonly #includeUsage: boolean
  readonly #states = new Map<number, 'open' | 'relayed'>()
  readonly #calls = new Map<number, CallEncoder>()
  readonly #legacy: boolean
  #start: Start | undefined
  #usage: Usage = noUsage

  constructor(request: EncodeContext) {
    this.#request = request
    const { n } = request.body
    this.#choices = typeof n === 'number' ? n : 1
    this.#legacy = isLegacy(request.body)
    this.#includeUsage = includesUsage(request.body)
  }

  /** Alone, an upstream's chunks go out in its own letters. */
  written(event: TurnEvent): string | undefined {
    return event.type === 'relay' && this.#isAlone && 'chunks' in event ? event.text : undefined
  }

  push(choice: number, event: TurnEvent): readonly (Chunk | Json)[] {
    switch (event.type) {
      case 'start':
        this.#start ??= event
        return []
      case 'notice':
        return []
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-end':
      case 'sealed-reasoning':
      case 'tool-call-end':
        return this.#open(choice)
      case 'text-delta':
        return [...this.#open(choice), this.#chunk(choice, { content: event.text })]
      case 'reasoning-delta':
        return [...this.#open(choice), this.#chunk(choice, { reasoning_content: event.text })]
      case 'tool-call-start':
      case 'tool-call-delta':
        return [...this.#open(choice, null), this.#chunk(choice, this.#callsOf(choice).push(event))]
      case 'activity': {
        const chunk = this.#chunk(choice, {})
        return [
          ...this.#open(choice),
          { ...chunk, claude: { activity: encodeActivity(event.activity) } },
        ]
      }
      case 'relay':
        this.#states.set(choice, 'relayed')
        return this.#relay(choice, 'chunks' in event ? event.chunks : [chunkOf(event.body)])
      case 'finish':
        return this.#finish(choice, event)
    }
  }

  /** The usage chunk, when it was asked for and no upstream has sent its own. */
  end(): Chunk[] {
    const isRelayed = this.#isAlone && this.#states.get(0) === 'relayed'
    if (!this.#includeUsage || isRelayed) return []
    return [{ ...this.#frame(), choices: [], usage: encodeUsage(this.#usage) }]
  }

  /** The role chunk, once a choice; an answer that begins with a call has no content, as OpenAI writes it. */
  #open(choice: number, content: '' | null = ''): Chunk[] {
    if (this.#states.has(choice)) return []
    this.#states.set(choice, 'open')
    return [this.#chunk(choice, { role: 'assistant', content, refusal: null })]
  }

  #finish(choice: number, event: Extract<TurnEvent, { type: 'finish' }>): Chunk[] {
    this.#usage = addUsage(this.#usage, event.usage)
    if (this.#states.get(choice) === 'relayed') return []
    const last = this.#chunk(choice, {}, encodeFinishReason(event.reason, this.#legacy))
    return [
      ...this.#open(choice),
      { ...last, ...(event.claude && { claude: encodeRun(event.claude) }) },
    ]
  }

  get #isAlone(): boolean {
    return this.#choices === 1
  }

  /** Alone, an upstream's chunks go out as they came; among others they take their id and their own place. */
  #relay(choice: number, values: readonly Json[]): readonly Json[] {
    return this.#isAlone ? values : values.flatMap((value) => this.#move(choice, value))
  }

  #move(choice: number, value: Json): Json[] {
    const choices: unknown[] = Array.isArray(value.choices) ? value.choices : []
    // Its usage chunk is counted in `finish`; the sum is sent at the end.
    if (choices.length === 0) return []
    const moved = choices.map((piece) => ({ ...Object(piece), index: choice }))
    return [{ ...value, ...this.#frame(), choices: moved }]
  }

  #chunk(choice: number, delta: Delta, reason: EncodedReason | null = null): Chunk {
    return {
      ...this.#frame(),
      choices: [{ index: choice, delta, logprobs: null, finish_reason: reason }],
    }
  }

  #callsOf(choice: number): CallEncoder {
    const calls = this.#calls.get(choice) ?? new CallEncoder(this.#legacy)
    this.#calls.set(choice, calls)
    return calls
  }

  /** What all chunks share. */
  #frame(): Omit<Chunk, 'choices'> {
    return {
      id: encodeId(this.#start?.id ?? ''),
      object: 'chat.completion.chunk',
      created: this.#request.created,
      model: this.#start?.model ?? '',
      ...(this.#includeUsage && { usage: null }),
    }
  }
}
