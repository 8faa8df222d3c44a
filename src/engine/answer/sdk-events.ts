import type { SDKMessage, SDKRateLimitInfo } from '@anthropic-ai/claude-agent-sdk'
import type {
  BetaContentBlock,
  BetaMessage,
  BetaRawMessageStreamEvent,
  BetaThinkingBlock,
} from '@anthropic-ai/sdk/resources/beta/messages'
import { TurnError } from '../../turn/error.ts'
import type { Activity, FinishReason, TurnEvent } from '../../turn/event.ts'
import type { Usage } from '../../turn/usage.ts'
import { toolResults, toolUses } from './activity.ts'
import { AnswerBlocks } from './answer-blocks.ts'
import { CallReader } from './call-reader.ts'
import type { ClientTools } from '../tools/client-tools.ts'
import { type FailureSigns, failureOf, failureOfRetry } from '../failures.ts'
import { StreamUsage } from './stream-usage.ts'
import { answerTool } from '../schema/structured-output.ts'

type ResultMessage = Extract<SDKMessage, { type: 'result' }>

export type TranslatorOptions = {
  provider: string
  /** Show tool uses and results. */
  includeActivity: boolean
  clientTools: ClientTools
  /** The text is not the answer: it comes from `StructuredOutput`. */
  structured: boolean
  /** End the answer at the API's token limit, instead of letting Claude Code go on in a further message. */
  endAtTokenLimit: boolean
  /** The longest pause before a retry of Claude Code's own that the caller is kept waiting for, in milliseconds. */
  retryPatienceMs: number
  /** Told the full name of the model that is asked, before it has answered. */
  onModel?: ((name: string) => void) | undefined
  now: () => number
}

/** What Claude Code says itself, errors above all, comes as a message of this model. */
const syntheticModel = '<synthetic>'

/** How an answer ended before Claude Code said so itself. */
export type Cut = { reason: FinishReason; stopSequence?: string }

/**
 * What Claude Code says, as turn events. One translator a turn. `push` takes every SDK message and gives the events it means;
 * it throws a `TurnError` when the turn has failed; `finished` is set once the result is in, `cut` when the turn should be
 * interrupted because the answer is already complete.
 */
export class Translator {
  readonly #options: TranslatorOptions
  readonly #blocks: AnswerBlocks
  readonly #calls: CallReader
  readonly #usage = new StreamUsage()
  #id = ''
  /** The message that is streamed now, or was last. */
  #messageId = ''
  #model = ''
  #sessionId = ''
  #textInEarlierMessage = false
  #textInThisMessage = false
  #stopReason: string | null = null
  #kind: FailureSigns['kind']
  #rateLimit: SDKRateLimitInfo | undefined
  #retry: FailureSigns['retry']
  cut: Cut | undefined
  finished: ResultMessage | undefined
  /**
   * The model was told something that the caller never sees: of a tool that ran here, of a call that was turned down, or, by Claude
   * Code, to answer again because its first message had no words.
   */
  corrected = false

  constructor(options: TranslatorOptions) {
    this.#options = options
    this.#blocks = new AnswerBlocks(() => this.startEvent())
    this.#calls = new CallReader(this.#blocks, options.clientTools)
  }

  get model(): string {
    return this.#model
  }

  get sessionId(): string {
    return this.#sessionId
  }

  /** Tokens so far, summed from the stream; the result's own count is better where there is one. */
  get usage(): Usage {
    return this.#usage.total
  }

  push(message: SDKMessage): TurnEvent[] {
    if ('session_id' in message && message.session_id) this.#sessionId = message.session_id
    switch (message.type) {
      case 'stream_event':
        return message.parent_tool_use_id === null ? this.#stream(message.event) : []
      case 'assistant':
        return this.#assistant(message)
      case 'user': {
        const results = toolResults(message)
        this.corrected ||= results.length > 0
        return this.#show(results)
      }
      case 'result':
        return this.#result(message)
      case 'rate_limit_event':
        this.#rateLimit = message.rate_limit_info
        return []
      case 'system':
        if (message.subtype === 'init') this.#introduce(message.model)
        if (message.subtype === 'api_retry') this.#retrying(message)
        return []
      // Progress and status of the host's own surfaces; an API client has none of them.
      case 'tool_progress':
      case 'auth_status':
      case 'tool_use_summary':
      case 'prompt_suggestion':
      case 'conversation_reset':
        return []
      default:
        // The process also sends what the SDK does not type (`command_lifecycle`); what it types must be named above.
        message satisfies never
        return []
    }
  }

  /** `start`, if it was not said yet. */
  begin(): TurnEvent[] {
    return this.#blocks.begin()
  }

  startEvent(): TurnEvent {
    return {
      type: 'start',
      id: this.#id || crypto.randomUUID(),
      provider: this.#options.provider,
      model: this.#model,
      ...(this.#sessionId && { sessionId: this.#sessionId }),
      ...(this.#usage.isTold && { usage: this.usage }),
    }
  }

  /** Makes ready for another answer to the same turn; `forget`: nothing of the one before was shown. */
  again({ forget = false } = {}): void {
    this.finished = undefined
    this.#stopReason = null
    this.#usage.reset()
    this.#textInEarlierMessage = false
    this.#textInThisMessage = false
    if (forget) this.#blocks.forget()
  }

  /** The number of a block that is made elsewhere. */
  nextBlock(): number {
    return this.#blocks.next()
  }

  /** How many calls the caller was given. */
  get calls(): number {
    return this.#blocks.calls
  }

  /** The end of the open block, if one is open. */
  end(): TurnEvent[] {
    return this.#blocks.end()
  }

  #stream(event: BetaRawMessageStreamEvent): TurnEvent[] {
    switch (event.type) {
      case 'message_start':
        this.#messageStart(event)
        return []
      case 'content_block_start':
        return this.#blockStart(event.content_block)
      case 'content_block_delta':
        if (event.delta.type === 'text_delta') return this.#delta('text', event.delta.text)
        if (event.delta.type === 'thinking_delta')
          return this.#delta('reasoning', event.delta.thinking)
        if (event.delta.type === 'signature_delta') return this.#blocks.sign(event.delta.signature)
        if (event.delta.type === 'input_json_delta')
          return this.#calls.push(event.delta.partial_json)
        return []
      case 'content_block_stop':
        return this.#calls.reading ? this.#calls.end() : this.end()
      case 'message_delta':
        this.#messageDelta(event)
        return []
      case 'message_stop':
        this.#messageStop()
        return []
    }
  }

  #blockStart(block: BetaContentBlock): TurnEvent[] {
    if (block.type === 'tool_use') return this.#calls.start(block)
    return block.type === 'redacted_thinking' ? this.#blocks.seal(block.data) : []
  }

  #introduce(model: string): void {
    this.#model ||= model
    this.#options.onModel?.(model)
  }

  #messageStart({ message }: Extract<BetaRawMessageStreamEvent, { type: 'message_start' }>): void {
    this.#id ||= message.id
    this.#messageId = message.id
    this.#model = message.model
    // One that was complete came before it: something was said in between.
    this.corrected ||= this.#stopReason !== null
    this.#stopReason = null
    this.#textInEarlierMessage ||= this.#textInThisMessage
    this.#textInThisMessage = false
    this.#usage.begin(message.usage)
  }

  #messageDelta({
    delta,
    usage,
  }: Extract<BetaRawMessageStreamEvent, { type: 'message_delta' }>): void {
    this.#stopReason = delta.stop_reason
    this.#usage.update(usage)
    if (delta.stop_reason === 'max_tokens' && this.#options.endAtTokenLimit)
      this.cut = { reason: 'length' }
    if (delta.stop_reason === 'refusal') this.cut = { reason: 'content-filter' }
  }

  /** A message that stops without a reason was cut off; whatever Claude Code tries next would say its beginning twice. */
  #messageStop(): void {
    if (this.#stopReason === null && this.#textInThisMessage && !this.#kind) {
      throw new TurnError(
        'upstream_error',
        'The connection to the API behind Claude Code broke in the middle of the answer.',
      )
    }
  }

  #delta(kind: 'text' | 'reasoning', text: string): TurnEvent[] {
    if (text === '' || (kind === 'text' && this.#options.structured)) return []
    const isFirst = kind === 'text' && !this.#textInThisMessage
    if (kind === 'text') this.#textInThisMessage = true
    // Between two messages of one turn a tool ran: the texts are paragraphs of one answer.
    const gap = isFirst && this.#textInEarlierMessage ? this.#blocks.say('text', '\n\n') : []
    return [...gap, ...this.#blocks.say(kind, text)]
  }

  #assistant(message: Extract<SDKMessage, { type: 'assistant' }>): TurnEvent[] {
    if (message.error) {
      if (message.parent_tool_use_id === null) this.#kind = message.error
      return []
    }
    const unstreamed = message.parent_tool_use_id === null ? this.#unstreamed(message.message) : []
    const uses = toolUses(message, (name) => this.#isAnswer(name))
    return [...unstreamed, ...this.#show(uses)]
  }

  /** A message that never was a stream: Claude Code asks some failed requests again without one (404). */
  #unstreamed(message: BetaMessage): TurnEvent[] {
    if (message.id === this.#messageId || message.model === syntheticModel) return []
    this.#id ||= message.id
    this.#model = message.model
    this.#textInEarlierMessage ||= this.#textInThisMessage
    this.#textInThisMessage = false
    return message.content.flatMap((block): TurnEvent[] => {
      if (block.type === 'text') return [...this.#delta('text', block.text), ...this.end()]
      if (block.type === 'thinking') return this.#thinking(block)
      if (block.type !== 'tool_use') return this.#blockStart(block)
      return [
        ...this.#calls.start(block),
        ...this.#calls.push(JSON.stringify(block.input)),
        ...this.#calls.end(),
      ]
    })
  }

  #thinking({ thinking, signature }: BetaThinkingBlock): TurnEvent[] {
    return [...this.#delta('reasoning', thinking), ...this.#blocks.sign(signature), ...this.end()]
  }

  /** Calls of the caller's tools and the structured answer are the answer, not activity. */
  #isAnswer(name: string): boolean {
    return name === answerTool || this.#options.clientTools.kindOf(name) !== undefined
  }

  #show(activities: readonly Activity[]): TurnEvent[] {
    if (!this.#options.includeActivity) return []
    return activities.flatMap((activity): TurnEvent[] => [
      ...this.begin(),
      ...this.end(),
      { type: 'activity', activity },
    ])
  }

  #retrying(retry: NonNullable<FailureSigns['retry']>): void {
    this.#retry = retry
    if (this.#blocks.begun) {
      throw new TurnError(
        'upstream_error',
        'The API behind Claude Code failed in the middle of the answer.',
      )
    }
    const failure = failureOfRetry(retry, this.#options.retryPatienceMs)
    if (failure) throw failure
  }

  #result(result: ResultMessage): TurnEvent[] {
    this.finished = result
    if (this.cut) return []
    if (result.stop_reason === 'refusal') {
      this.cut = { reason: 'content-filter' }
      return []
    }
    if (result.subtype === 'error_max_turns' || result.subtype === 'error_max_budget_usd') {
      this.cut = { reason: 'length' }
      return []
    }
    // Too many answers without the right form: whoever asked for the form decides.
    if (result.subtype === 'error_max_structured_output_retries') return []
    if (result.subtype === 'success' && !result.is_error) return []
    if (this.#kind === 'max_output_tokens') {
      this.cut = { reason: 'length' }
      return []
    }
    throw failureOf({
      result,
      now: this.#options.now(),
      ...(this.#kind && { kind: this.#kind }),
      ...(this.#rateLimit && { rateLimit: this.#rateLimit }),
      ...(this.#retry && { retry: this.#retry }),
    })
  }
}
