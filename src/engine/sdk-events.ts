import type { SDKMessage, SDKRateLimitInfo } from '@anthropic-ai/claude-agent-sdk'
import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages'
import { TurnError } from '../turn/error.ts'
import type { FinishReason, TurnEvent } from '../turn/event.ts'
import { addUsage, noUsage, type Usage } from '../turn/usage.ts'
import { type FailureSigns, failureOf, failureOfRetry } from './failures.ts'

type ResultMessage = Extract<SDKMessage, { type: 'result' }>

export type TranslatorOptions = {
  provider: string
  /** Show tool uses and results. */
  includeActivity: boolean
  /** End the answer at the API's token limit, instead of letting Claude Code go on in a further message. */
  endAtTokenLimit: boolean
  /** The longest pause before a retry of Claude Code's own that the caller is kept waiting for, in milliseconds. */
  retryPatienceMs: number
  now: () => number
}

/** How an answer ended before Claude Code said so itself. */
export type Cut = { reason: FinishReason }

/**
 * What Claude Code says, as turn events. One translator a turn. `push` takes every SDK message and gives the events it means;
 * it throws a `TurnError` when the turn has failed; `finished` is set once the result is in, `cut` when the turn should be
 * interrupted because the answer is already complete.
 */
export class Translator {
  readonly #options: TranslatorOptions
  #id = ''
  #model = ''
  #sessionId = ''
  #started = false
  #block = -1
  #open: 'text' | 'reasoning' | undefined
  #textInEarlierMessage = false
  #textInThisMessage = false
  #stopReason: string | null = null
  #current: Usage = noUsage
  #total: Usage = noUsage
  #kind: FailureSigns['kind']
  #rateLimit: SDKRateLimitInfo | undefined
  #retry: FailureSigns['retry']
  cut: Cut | undefined
  finished: ResultMessage | undefined

  constructor(options: TranslatorOptions) {
    this.#options = options
  }

  get started(): boolean {
    return this.#started
  }

  get model(): string {
    return this.#model
  }

  get sessionId(): string {
    return this.#sessionId
  }

  /** Tokens so far, summed from the stream; the result's own count is better where there is one. */
  get usage(): Usage {
    return addUsage(this.#total, this.#current)
  }

  push(message: SDKMessage): TurnEvent[] {
    if ('session_id' in message && message.session_id) this.#sessionId = message.session_id
    switch (message.type) {
      case 'stream_event':
        return message.parent_tool_use_id === null ? this.#stream(message.event) : []
      case 'assistant':
        return this.#assistant(message)
      case 'user':
        return this.#toolResults(message)
      case 'result':
        return this.#result(message)
      case 'rate_limit_event':
        this.#rateLimit = message.rate_limit_info
        return []
      case 'system':
        if (message.subtype === 'init') this.#model ||= message.model
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
    if (this.#started) return []
    this.#started = true
    return [this.startEvent()]
  }

  startEvent(): TurnEvent {
    return {
      type: 'start',
      id: this.#id || crypto.randomUUID(),
      provider: this.#options.provider,
      model: this.#model,
      ...(this.#sessionId && { sessionId: this.#sessionId }),
    }
  }

  /** The end of the open block, if one is open. */
  end(): TurnEvent[] {
    const open = this.#open
    this.#open = undefined
    return open ? [{ type: `${open}-end`, block: this.#block }] : []
  }

  #stream(event: BetaRawMessageStreamEvent): TurnEvent[] {
    switch (event.type) {
      case 'message_start':
        return this.#messageStart(event)
      case 'content_block_start':
        return []
      case 'content_block_delta':
        if (event.delta.type === 'text_delta') return this.#delta('text', event.delta.text)
        if (event.delta.type === 'thinking_delta')
          return this.#delta('reasoning', event.delta.thinking)
        return []
      case 'content_block_stop':
        return this.end()
      case 'message_delta':
        this.#messageDelta(event)
        return []
      case 'message_stop':
        this.#messageStop()
        return []
    }
  }

  #messageStart({
    message,
  }: Extract<BetaRawMessageStreamEvent, { type: 'message_start' }>): TurnEvent[] {
    this.#id ||= message.id
    this.#model = message.model
    this.#stopReason = null
    this.#textInEarlierMessage ||= this.#textInThisMessage
    this.#textInThisMessage = false
    this.#total = this.usage
    this.#current = {
      inputTokens: message.usage.input_tokens,
      cacheReadTokens: message.usage.cache_read_input_tokens ?? 0,
      cacheCreationTokens: message.usage.cache_creation_input_tokens ?? 0,
      outputTokens: message.usage.output_tokens,
      reasoningTokens: 0,
    }
    return []
  }

  #messageDelta({
    delta,
    usage,
  }: Extract<BetaRawMessageStreamEvent, { type: 'message_delta' }>): void {
    this.#stopReason = delta.stop_reason
    this.#current = {
      ...this.#current,
      outputTokens: usage.output_tokens,
      reasoningTokens: usage.output_tokens_details?.thinking_tokens ?? 0,
    }
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
    if (text === '') return []
    const events = this.begin()
    if (this.#open !== kind) {
      events.push(...this.end())
      this.#open = kind
      this.#block++
      events.push({ type: `${kind}-start`, block: this.#block })
      // Between two messages of one turn a tool ran: the texts are paragraphs of one answer.
      if (kind === 'text' && this.#textInEarlierMessage && !this.#textInThisMessage) {
        events.push({ type: 'text-delta', block: this.#block, text: '\n\n' })
      }
    }
    if (kind === 'text') this.#textInThisMessage = true
    events.push({ type: `${kind}-delta`, block: this.#block, text })
    return events
  }

  #assistant(message: Extract<SDKMessage, { type: 'assistant' }>): TurnEvent[] {
    if (message.error) {
      if (message.parent_tool_use_id === null) this.#kind = message.error
      return []
    }
    if (!this.#options.includeActivity) return []
    const parentId = message.parent_tool_use_id
    return message.message.content.flatMap((block): TurnEvent[] => {
      if (block.type !== 'tool_use') return []
      const { id, name, input } = block
      const activity = { type: 'tool-use', id, name, input, ...(parentId && { parentId }) } as const
      return [...this.begin(), ...this.end(), { type: 'activity', activity }]
    })
  }

  #toolResults(message: Extract<SDKMessage, { type: 'user' }>): TurnEvent[] {
    const { content } = message.message
    if (!this.#options.includeActivity || typeof content === 'string') return []
    const parentId = message.parent_tool_use_id
    return content.flatMap((block): TurnEvent[] => {
      if (block.type !== 'tool_result') return []
      const activity = {
        type: 'tool-result',
        id: block.tool_use_id,
        content: block.content ?? '',
        isError: block.is_error ?? false,
        ...(parentId && { parentId }),
      } as const
      return [...this.begin(), ...this.end(), { type: 'activity', activity }]
    })
  }

  #retrying(retry: NonNullable<FailureSigns['retry']>): void {
    this.#retry = retry
    if (this.#started) {
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
