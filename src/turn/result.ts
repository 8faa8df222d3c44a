import { TurnError } from './error.ts'
import type { Activity, ClaudeRun, FinishReason, Notice, Relay, TurnEvent } from './event.ts'
import type { AssistantMessage, ToolCallPart } from './message.ts'
import type { Usage } from './usage.ts'

/** A block of an answer, whole. */
export type AnswerPart = AssistantMessage['content'][number]

/** The whole answer: the fold of a turn's events. */
export type TurnResult = {
  id: string
  provider: string
  model: string
  /** Everything that was said and done, in order; what follows is the same by kind. */
  order: (AnswerPart | Activity)[]
  parts: AnswerPart[]
  text: string
  /** Absent when the model showed no thinking. */
  reasoning?: string
  /** Calls of the caller's tools, in the model's order. */
  toolCalls: ToolCallPart[]
  activity: Activity[]
  notices: Notice[]
  reason: FinishReason
  /** The one of the turn's stop sequences that ended it. */
  stopSequence?: string
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
  const parts: AnswerPart[] = []
  const activity: Activity[] = []
  const order: TurnResult['order'] = []
  const open = (part: AnswerPart): void => {
    parts.push(part)
    order.push(part)
  }
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
      case 'text-start':
        open({ type: 'text', text: '' })
        break
      case 'reasoning-start':
        open({ type: 'reasoning', text: '' })
        break
      case 'tool-call-start': {
        const { id, name, kind } = event
        open({ type: 'tool-call', id, name, input: '', kind })
        break
      }
      case 'text-delta':
      case 'reasoning-delta':
      case 'tool-call-delta':
        addTo(parts.at(-1), event)
        break
      case 'reasoning-end':
        seal(parts.at(-1), event.signature)
        break
      case 'sealed-reasoning':
        open({ type: 'sealed-reasoning', data: event.data })
        break
      case 'activity':
        activity.push(event.activity)
        order.push(event.activity)
        break
      case 'relay':
        relay = joined(relay, event)
        break
      case 'finish':
        finish = event
        break
      case 'text-end':
      case 'tool-call-end':
        break
    }
  }
  if (!start || !finish)
    throw new TurnError('server_error', 'The answer ended before it was complete.')
  const reasoning = textOf(parts.filter((part) => part.type === 'reasoning'))
  return {
    id: start.id,
    provider: start.provider,
    model: finish.model,
    order,
    parts,
    text: textOf(parts.filter((part) => part.type === 'text')),
    ...(reasoning !== '' && { reasoning }),
    toolCalls: parts.filter((part) => part.type === 'tool-call'),
    activity,
    notices,
    reason: finish.reason,
    ...(finish.stopSequence !== undefined && { stopSequence: finish.stopSequence }),
    usage: finish.usage,
    ...(finish.claude && { claude: finish.claude }),
    ...(relay && { relay }),
  }
}

type Delta = Extract<TurnEvent, { type: 'text-delta' | 'reasoning-delta' | 'tool-call-delta' }>

/** Blocks are never interleaved: what is said belongs to the one that was opened last. */
function addTo(part: AnswerPart | undefined, delta: Delta): void {
  if (part?.type === 'tool-call') part.input += delta.type === 'tool-call-delta' ? delta.input : ''
  else if (part && part.type !== 'sealed-reasoning')
    part.text += delta.type === 'tool-call-delta' ? '' : delta.text
}

function seal(part: AnswerPart | undefined, signature: string | undefined): void {
  if (part?.type === 'reasoning' && signature !== undefined) part.signature = signature
}

function textOf(parts: readonly { text: string }[]): string {
  return parts.map(({ text }) => text).join('')
}

function joined(relay: Relay | undefined, event: Relay): Relay {
  if (relay === undefined || 'body' in relay || 'body' in event) return event
  return {
    dialect: event.dialect,
    chunks: [...relay.chunks, ...event.chunks],
    text: relay.text + event.text,
  }
}
