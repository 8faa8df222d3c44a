import type { SDKMessage, SDKRateLimitInfo } from '@anthropic-ai/claude-agent-sdk'
import type {
  BetaMessage,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages'
import { TurnError } from '../turn/error.ts'
import type { FinishReason, TurnEvent } from '../turn/event.ts'
import { addUsage, noUsage, type Usage } from '../turn/usage.ts'
import type { ClientTools } from './client-tools.ts'
import { customInput } from './client-tools.ts'
import { answerTool } from './structured-output.ts'
import { type FailureSigns, failureOf, failureOfRetry } from './failures.ts'

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
  now: () => number
}

/** What Claude Code says itself, errors above all, comes as a message of this model. */
const syntheticModel = '<synthetic>'

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
  /** The message that is streamed now, or was last. */
  #messageId = ''
  #model = ''
  #sessionId = ''
  #started = false
  #block = -1
  #open: 'text' | 'reasoning' | 'tool-call' | undefined
  #call: { id: string; name: string; input: string; held: boolean } | undefined
  #calls = 0
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

  /** Makes ready for another answer to the same turn; `forget`: nothing of the one before was shown. */
  again({ forget = false } = {}): void {
    this.finished = undefined
    this.#stopReason = null
    this.#total = noUsage
    this.#current = noUsage
    this.#textInEarlierMessage = false
    this.#textInThisMessage = false
    if (!forget) return
    this.#started = false
    this.#block = -1
    this.#open = undefined
  }

  /** The number of a block that is made elsewhere. */
  nextBlock(): number {
    return ++this.#block
  }

  /** How many calls the caller was given. */
  get calls(): number {
    return this.#calls
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
        return event.content_block.type === 'tool_use' ? this.#callStart(event.content_block) : []
      case 'content_block_delta':
        if (event.delta.type === 'text_delta') return this.#delta('text', event.delta.text)
        if (event.delta.type === 'thinking_delta')
          return this.#delta('reasoning', event.delta.thinking)
        if (event.delta.type === 'input_json_delta')
          return this.#callDelta(event.delta.partial_json)
        return []
      case 'content_block_stop':
        return this.#call ? this.#callEnd() : this.end()
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
    this.#messageId = message.id
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
    if (text === '' || (kind === 'text' && this.#options.structured)) return []
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

  /** A call of a caller's tool; what the model may not call now is told to it, and not to the caller. */
  #callStart({ id, name }: { id: string; name: string }): TurnEvent[] {
    const kind = this.#options.clientTools.kindOf(name)
    if (kind === undefined) return []
    const held = this.#options.clientTools.isHeld(name) || !this.#options.clientTools.isChosen(name)
    this.#call = { id, name, input: '', held }
    return held ? [] : this.#openCall(id, name, kind)
  }

  #openCall(id: string, name: string, kind: 'function' | 'custom'): TurnEvent[] {
    const events = [...this.begin(), ...this.end()]
    this.#open = 'tool-call'
    this.#block++
    this.#calls++
    return [...events, { type: 'tool-call-start', block: this.#block, id, name, kind }]
  }

  #callDelta(input: string): TurnEvent[] {
    if (!this.#call) return []
    this.#call.input += input
    if (this.#call.held || input === '') return []
    return [{ type: 'tool-call-delta', block: this.#block, input }]
  }

  #callEnd(): TurnEvent[] {
    const call = this.#call
    this.#call = undefined
    if (!call) return []
    if (call.held) return this.#heldCall(call)
    // No arguments are an empty object, never an empty text.
    const events: TurnEvent[] =
      call.input === '' ? [{ type: 'tool-call-delta', block: this.#block, input: '{}' }] : []
    return [...events, ...this.end()]
  }

  /** What had to be whole before it may be shown: checked as the hook checks it, so both decide alike. */
  #heldCall({ id, name, input }: { id: string; name: string; input: string }): TurnEvent[] {
    const { clientTools } = this.#options
    const kind = clientTools.kindOf(name)
    const value = parseInput(input)
    if (kind === undefined || clientTools.refusal(name, value) !== undefined) return []
    const text = kind === 'custom' ? String(value[customInput] ?? '') : input || '{}'
    const opened = this.#openCall(id, name, kind)
    return [...opened, { type: 'tool-call-delta', block: this.#block, input: text }, ...this.end()]
  }

  #assistant(message: Extract<SDKMessage, { type: 'assistant' }>): TurnEvent[] {
    if (message.error) {
      if (message.parent_tool_use_id === null) this.#kind = message.error
      return []
    }
    const unstreamed = message.parent_tool_use_id === null ? this.#unstreamed(message.message) : []
    if (!this.#options.includeActivity) return unstreamed
    const parentId = message.parent_tool_use_id
    const uses = message.message.content.flatMap((block): TurnEvent[] => {
      if (block.type !== 'tool_use' || this.#isAnswer(block.name)) return []
      const { id, name, input } = block
      const activity = { type: 'tool-use', id, name, input, ...(parentId && { parentId }) } as const
      return [...this.begin(), ...this.end(), { type: 'activity', activity }]
    })
    return [...unstreamed, ...uses]
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
      if (block.type === 'thinking')
        return [...this.#delta('reasoning', block.thinking), ...this.end()]
      if (block.type !== 'tool_use') return []
      return [
        ...this.#callStart(block),
        ...this.#callDelta(JSON.stringify(block.input)),
        ...this.#callEnd(),
      ]
    })
  }

  /** Calls of the caller's tools and the structured answer are the answer, not activity. */
  #isAnswer(name: string): boolean {
    return name === answerTool || this.#options.clientTools.kindOf(name) !== undefined
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

/** Input that is not JSON is no input: the check then says what is missing. */
function parseInput(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text || '{}')
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
