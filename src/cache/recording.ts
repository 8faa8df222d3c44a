import type { TurnEvent } from '../turn/event.ts'

/** A whole answer, fit to be said again. */
export type Recording = {
  provider: string
  model: string
  events: readonly TurnEvent[]
  /** Prompt and answer, as they were counted. */
  tokens: number
}

/** Longer pieces are not joined: a caller that streams should not get everything at once. In characters. */
const longestPiece = 4_096

/** What an event takes in memory, roughly, in bytes. */
export function sizeOf(event: TurnEvent): number {
  const own = 100
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
      return own + event.text.length * 2
    case 'reasoning-end':
      return own + (event.signature?.length ?? 0) * 2
    case 'sealed-reasoning':
      return own + event.data.length * 2
    case 'tool-call-delta':
      return own + event.input.length * 2
    case 'relay':
      // Kept as text and as values.
      return own + (event.text ?? JSON.stringify('body' in event && event.body)).length * 4
    default:
      return own
  }
}

/**
 * The events of a turn as a recording; undefined when they must not be said again: an answer that is not whole, that was cut or
 * filtered, in which something was done, or that a stand-in gave while the right provider was away.
 */
export function recordingOf(events: readonly TurnEvent[]): Recording | undefined {
  const start = events.find((event) => event.type === 'start')
  const finish = events.at(-1)
  if (start?.type !== 'start' || finish?.type !== 'finish') return undefined
  if (finish.reason !== 'stop' && finish.reason !== 'tool-calls') return undefined
  if (events.some((event) => event.type === 'activity' || isOfStandIn(event))) return undefined
  const { inputTokens, cacheReadTokens, cacheCreationTokens, outputTokens } = finish.usage
  return {
    provider: start.provider,
    model: finish.model,
    events: joined(events.map(withoutRun)),
    tokens: inputTokens + cacheReadTokens + cacheCreationTokens + outputTokens,
  }
}

function isOfStandIn(event: TurnEvent): boolean {
  if (event.type !== 'notice') return false
  return event.notice.type === 'attempt' || event.notice.type === 'dropped-option'
}

/** The event without what belongs to the one run that gave it: its session, its cost, its process. */
export function withoutRun(event: TurnEvent): TurnEvent {
  if (event.type === 'start') {
    const { sessionId: _session, ...start } = event
    return start
  }
  if (event.type === 'finish') {
    const { claude: _claude, costUsd: _cost, endedItself: _ended, ...finish } = event
    return finish
  }
  return event
}

function joined(events: readonly TurnEvent[]): TurnEvent[] {
  const kept: TurnEvent[] = []
  for (const event of events) {
    const one = together(kept.at(-1), event)
    if (one) kept[kept.length - 1] = one
    else kept.push(event)
  }
  return kept
}

/** Two pieces of the same as one, where that is not too much at once. */
function together(last: TurnEvent | undefined, next: TurnEvent): TurnEvent | undefined {
  if (last?.type === 'text-delta' || last?.type === 'reasoning-delta') {
    if (next.type !== last.type || last.text.length + next.text.length > longestPiece)
      return undefined
    return { ...last, text: last.text + next.text }
  }
  if (last?.type === 'tool-call-delta' && next.type === 'tool-call-delta') {
    return { ...last, input: last.input + next.input }
  }
  if (last?.type === 'relay' && next.type === 'relay' && 'chunks' in last && 'chunks' in next) {
    if (last.text.length + next.text.length > longestPiece * 4) return undefined
    return { ...last, chunks: [...last.chunks, ...next.chunks], text: last.text + next.text }
  }
  return undefined
}
