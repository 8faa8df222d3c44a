import type {
  RawContentBlockDelta,
  RawContentBlockStartEvent,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages'
import type { Activity, TurnEvent } from '../../turn/event.ts'
import { noUsage } from '../../turn/usage.ts'
import type { ChoiceEvent, EncodeContext } from '../dialect.ts'
import type { SseFrame } from '../sse.ts'
import {
  type ActivityExtension,
  type ClaudeExtension,
  encodeActivity,
  encodeRun,
} from '../openai-chat/extension.ts'
import { type AnswerBlock, emptyMessage, encodeStop, type Thinking, thinkingOf } from './shape.ts'
import { encodeDeltaUsage, encodeUsage } from './usage.ts'

type Extension = { claude?: Partial<ClaudeExtension> & { activity?: ActivityExtension } }
type BlockStart = Omit<RawContentBlockStartEvent, 'content_block'> & { content_block: AnswerBlock }
export type WireEvent =
  | ((Exclude<RawMessageStreamEvent, RawContentBlockStartEvent> | BlockStart) & Extension)
  | ({ type: 'ping' } & Extension)

/** In silence; the API sends the same. */
export const heartbeat: SseFrame = frame({ type: 'ping' })

/** The answer as events. Throws what the turn's events throw. */
export async function* encodeStream(
  events: AsyncIterable<ChoiceEvent>,
  { body }: EncodeContext,
): AsyncGenerator<SseFrame> {
  const encoder = new EventEncoder(thinkingOf(body))
  for await (const { event } of events) {
    for (const encoded of encoder.push(event)) yield frame(encoded)
  }
}

function frame(event: WireEvent): SseFrame {
  return { event: event.type, data: JSON.stringify(event) }
}

/**
 * A turn's events as the API's. What must be remembered: the number of the block that is open, since a block that says nothing or is not
 * to be shown has none.
 */
class EventEncoder {
  readonly #thinking: Thinking
  #index = -1
  #isOpen = false

  constructor(thinking: Thinking) {
    this.#thinking = thinking
  }

  push(event: TurnEvent): WireEvent[] {
    switch (event.type) {
      case 'start': {
        const message = emptyMessage(event.id, event.model)
        return [
          {
            type: 'message_start',
            message: { ...message, usage: encodeUsage(event.usage ?? noUsage) },
          },
        ]
      }
      case 'text-delta':
        return [...this.#openText(), this.#delta({ type: 'text_delta', text: event.text })]
      case 'reasoning-delta':
        return this.#think(event.text)
      case 'reasoning-end':
        return [...this.#seal(event.signature), ...this.#close()]
      case 'sealed-reasoning':
        if (this.#thinking === 'hidden') return []
        return [this.#open({ type: 'redacted_thinking', data: event.data }), ...this.#close()]
      case 'tool-call-start':
        return [
          this.#open({
            type: 'tool_use',
            id: event.id,
            name: event.name,
            input: {},
            caller: { type: 'direct' },
          }),
        ]
      case 'tool-call-delta':
        return [this.#delta({ type: 'input_json_delta', partial_json: event.input })]
      case 'text-end':
      case 'tool-call-end':
        return this.#close()
      case 'activity':
        return [showActivity(event.activity)]
      case 'finish':
        return finish(event)
      case 'notice':
      case 'text-start':
      case 'reasoning-start':
      // An upstream's own words are of another dialect, and come as events (upstreams).
      case 'relay':
        return []
    }
  }

  #openText(): WireEvent[] {
    return this.#isOpen ? [] : [this.#open({ type: 'text', text: '' })]
  }

  #openThinking(): WireEvent[] {
    return this.#isOpen ? [] : [this.#open({ type: 'thinking', thinking: '', signature: '' })]
  }

  #think(text: string): WireEvent[] {
    if (this.#thinking === 'hidden') return []
    if (this.#thinking === 'sealed') return this.#openThinking()
    return [...this.#openThinking(), this.#delta({ type: 'thinking_delta', thinking: text })]
  }

  #seal(signature: string | undefined): WireEvent[] {
    if (!this.#isOpen || signature === undefined) return []
    return [this.#delta({ type: 'signature_delta', signature })]
  }

  #open(content_block: AnswerBlock): WireEvent {
    this.#index += 1
    this.#isOpen = true
    return { type: 'content_block_start', index: this.#index, content_block }
  }

  #delta(delta: RawContentBlockDelta): WireEvent {
    return { type: 'content_block_delta', index: this.#index, delta }
  }

  #close(): WireEvent[] {
    if (!this.#isOpen) return []
    this.#isOpen = false
    return [{ type: 'content_block_stop', index: this.#index }]
  }
}

/** Between blocks, where clients that know nothing of it pass it over. */
function showActivity(activity: Activity): WireEvent {
  return { type: 'ping', claude: { activity: encodeActivity(activity) } }
}

function finish(event: Extract<TurnEvent, { type: 'finish' }>): WireEvent[] {
  return [
    {
      type: 'message_delta',
      delta: { ...encodeStop(event), stop_details: null, container: null },
      usage: encodeDeltaUsage(event.usage),
      ...(event.claude && { claude: encodeRun(event.claude) }),
    },
    { type: 'message_stop' },
  ]
}
