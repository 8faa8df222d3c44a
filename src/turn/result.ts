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

/** The answer that the events make. Throws what they throw, and `server_error` when they end without `finish`. */
export async function collect(events: AsyncIterable<TurnEvent>): Promise<TurnResult> {
  const fold = new Fold()
  for await (const event of events) fold.push(event)
  return fold.result()
}

/** Folds events into the answer as they come. */
export class Fold {
  readonly #parts: AnswerPart[] = []
  readonly #activity: Activity[] = []
  readonly #order: TurnResult['order'] = []
  readonly #notices: Notice[] = []
  #start: Extract<TurnEvent, { type: 'start' }> | undefined
  #finish: Extract<TurnEvent, { type: 'finish' }> | undefined
  #relay: TurnResult['relay']

  push(event: TurnEvent): void {
    switch (event.type) {
      case 'notice':
        this.#notices.push(event.notice)
        break
      case 'start':
        this.#start = event
        break
      case 'text-start':
        this.#open({ type: 'text', text: '' })
        break
      case 'reasoning-start':
        this.#open({ type: 'reasoning', text: '' })
        break
      case 'tool-call-start': {
        const { id, name, kind } = event
        this.#open({ type: 'tool-call', id, name, input: '', kind })
        break
      }
      case 'text-delta':
      case 'reasoning-delta':
      case 'tool-call-delta':
        addTo(this.#parts.at(-1), event)
        break
      case 'reasoning-end':
        seal(this.#parts.at(-1), event.signature)
        break
      case 'sealed-reasoning':
        this.#open({ type: 'sealed-reasoning', data: event.data })
        break
      case 'activity':
        this.#activity.push(event.activity)
        this.#order.push(event.activity)
        break
      case 'relay':
        this.#relay = joined(this.#relay, event)
        break
      case 'finish':
        this.#finish = event
        break
      case 'text-end':
      case 'tool-call-end':
        break
    }
  }

  /** The whole answer. Throws `server_error` when it has not finished. */
  result(): TurnResult {
    const start = this.#start
    const finish = this.#finish
    if (!start || !finish)
      throw new TurnError('server_error', 'The answer ended before it was complete.')
    const parts = this.#parts
    const reasoning = textOf(parts.filter((part) => part.type === 'reasoning'))
    const result: TurnResult = {
      id: start.id,
      provider: start.provider,
      model: finish.model,
      order: this.#order,
      parts,
      text: textOf(parts.filter((part) => part.type === 'text')),
      toolCalls: parts.filter((part) => part.type === 'tool-call'),
      activity: this.#activity,
      notices: this.#notices,
      reason: finish.reason,
      usage: finish.usage,
    }
    if (reasoning !== '') result.reasoning = reasoning
    if (finish.stopSequence !== undefined) result.stopSequence = finish.stopSequence
    if (finish.claude) result.claude = finish.claude
    if (this.#relay) result.relay = this.#relay
    return result
  }

  #open(part: AnswerPart): void {
    this.#parts.push(part)
    this.#order.push(part)
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
