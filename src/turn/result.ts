import { TurnError } from './error.ts'
import type { Activity, ClaudeRun, FinishReason, Notice, Relay, TurnEvent } from './event.ts'
import type { ToolCallPart } from './message.ts'
import type { Usage } from './usage.ts'

/** The whole answer: the fold of a turn's events. */
export type TurnResult = {
  id: string
  provider: string
  model: string
  text: string
  /** Absent when the model showed no thinking. */
  reasoning?: string
  /** Calls of the caller's tools, in the model's order. */
  toolCalls: ToolCallPart[]
  activity: Activity[]
  notices: Notice[]
  reason: FinishReason
  usage: Usage
  claude?: ClaudeRun
  /** The upstream's own words, when the backend relays: one body, or all chunks. */
  relay?: Relay
}

/**
 * Folds events into the answer; `observe` sees each. Throws what the events throw, and `server_error` when they end without `finish`.
 */
export async function collect(
  events: AsyncIterable<TurnEvent>,
  observe?: (event: TurnEvent) => void,
): Promise<TurnResult> {
  const text: string[] = []
  const reasoning: string[] = []
  const toolCalls: ToolCallPart[] = []
  const activity: Activity[] = []
  const notices: Notice[] = []
  let start: Extract<TurnEvent, { type: 'start' }> | undefined
  let finish: Extract<TurnEvent, { type: 'finish' }> | undefined
  let relay: TurnResult['relay']
  for await (const event of events) {
    observe?.(event)
    switch (event.type) {
      case 'notice':
        notices.push(event.notice)
        break
      case 'start':
        start = event
        break
      case 'text-delta':
        text.push(event.text)
        break
      case 'reasoning-delta':
        reasoning.push(event.text)
        break
      case 'tool-call-start':
        toolCalls.push({
          type: 'tool-call',
          id: event.id,
          name: event.name,
          input: '',
          kind: event.kind,
        })
        break
      case 'tool-call-delta': {
        const call = toolCalls.at(-1)
        if (call) call.input += event.input
        break
      }
      case 'activity':
        activity.push(event.activity)
        break
      case 'relay':
        relay = joined(relay, event)
        break
      case 'finish':
        finish = event
        break
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-end':
      case 'tool-call-end':
        break
    }
  }
  if (!start || !finish)
    throw new TurnError('server_error', 'The answer ended before it was complete.')
  return {
    id: start.id,
    provider: start.provider,
    model: finish.model,
    text: text.join(''),
    ...(reasoning.length > 0 && { reasoning: reasoning.join('') }),
    toolCalls,
    activity,
    notices,
    reason: finish.reason,
    usage: finish.usage,
    ...(finish.claude && { claude: finish.claude }),
    ...(relay && { relay }),
  }
}

function joined(relay: Relay | undefined, event: Relay): Relay {
  if (relay === undefined || 'body' in relay || 'body' in event) return event
  return {
    dialect: event.dialect,
    chunks: [...relay.chunks, ...event.chunks],
    text: relay.text + event.text,
  }
}
