import type { Completion, CompletionChoice, CompletionUsage } from 'openai/resources/completions'
import type { TurnEvent } from '../../turn/event.ts'
import { addUsage, noUsage, type Usage } from '../../turn/usage.ts'
import type { ChoiceEvent, EncodeContext } from '../dialect.ts'
import { type ChunkEncoder, encodeChunks, includesUsage } from '../openai-chat/chunks.ts'
import { type ClaudeExtension, encodeRun } from '../openai-chat/extension.ts'
import { encodeUsage } from '../openai-chat/usage.ts'
import type { SseFrame } from '../sse.ts'
import { textOf } from './relayed-text.ts'
import { echoOf, encodeFinishReason, encodeId } from './response.ts'

/** OpenAI's type is that of a whole answer; in a stream what is not there yet is null. */
type Choice = Omit<CompletionChoice, 'finish_reason'> & {
  finish_reason: CompletionChoice['finish_reason'] | null
}
export type Chunk = Omit<Completion, 'choices' | 'usage'> & {
  choices: Choice[]
  usage?: CompletionUsage | null
  claude?: ClaudeExtension
}
type Start = Extract<TurnEvent, { type: 'start' }>

/** The answer as chunks, then `[DONE]`. Throws what the events throw. */
export function encodeStream(
  events: AsyncIterable<ChoiceEvent>,
  request: EncodeContext,
): AsyncIterable<SseFrame> {
  return encodeChunks(events, new CompletionChunks(request))
}

/** What chunks need to remember: the id and model that all of them share, which choices have begun, and the tokens. */
class CompletionChunks implements ChunkEncoder {
  readonly #request: EncodeContext
  readonly #includeUsage: boolean
  readonly #begun = new Set<number>()
  #start: Start | undefined
  #usage: Usage = noUsage

  constructor(request: EncodeContext) {
    this.#request = request
    this.#includeUsage = includesUsage(request.body)
  }

  push(choice: number, event: TurnEvent): Chunk[] {
    switch (event.type) {
      case 'start':
        this.#start ??= event
        return []
      case 'text-delta':
        return this.#text(choice, event.text)
      case 'relay': {
        const chunks = 'chunks' in event ? event.chunks : [event.body]
        return this.#text(choice, chunks.map(textOf).join(''))
      }
      case 'finish': {
        this.#usage = addUsage(this.#usage, event.usage)
        const reason = encodeFinishReason(event.reason)
        const last = this.#chunk({ index: choice, text: '', logprobs: null, finish_reason: reason })
        return [
          ...this.#text(choice, ''),
          { ...last, ...(event.claude && { claude: encodeRun(event.claude) }) },
        ]
      }
      // Neither thinking nor what Claude Code did has a place here, and there are no calls.
      case 'notice':
      case 'activity':
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
      case 'sealed-reasoning':
      case 'tool-call-start':
      case 'tool-call-delta':
      case 'tool-call-end':
        return []
    }
  }

  end(): Chunk[] {
    if (!this.#includeUsage) return []
    return [{ ...this.#frame(), choices: [], usage: encodeUsage(this.#usage) }]
  }

  #text(choice: number, text: string): Chunk[] {
    const all = this.#begun.has(choice) ? text : echoOf(this.#request, choice) + text
    this.#begun.add(choice)
    if (all === '') return []
    return [this.#chunk({ index: choice, text: all, logprobs: null, finish_reason: null })]
  }

  #chunk(choice: Choice): Chunk {
    return { ...this.#frame(), choices: [choice] }
  }

  /** What all chunks share. */
  #frame(): Omit<Chunk, 'choices'> {
    return {
      id: encodeId(this.#start?.id ?? ''),
      object: 'text_completion',
      created: this.#request.created,
      model: this.#start?.model ?? '',
      ...(this.#includeUsage && { usage: null }),
    }
  }
}
