import { TurnError } from './error.ts'
import type { Activity, ClaudeRun, FinishReason, Notice, TurnEvent } from './event.ts'
import type { Usage } from './usage.ts'

/** The whole answer: the fold of a turn's events. */
export type TurnResult = {
  id: string
  provider: string
  model: string
  text: string
  /** Absent when the model showed no thinking. */
  reasoning?: string
  activity: Activity[]
  notices: Notice[]
  reason: FinishReason
  usage: Usage
  claude?: ClaudeRun
  /** The upstream's own body, when the backend relays. */
  relay?: { dialect: string; value: Readonly<Record<string, unknown>> }
}

/** Folds events into the answer. Throws what the events throw, and `server_error` when they end without `finish`. */
export async function collect(events: AsyncIterable<TurnEvent>): Promise<TurnResult> {
  const text: string[] = []
  const reasoning: string[] = []
  const activity: Activity[] = []
  const notices: Notice[] = []
  let start: Extract<TurnEvent, { type: 'start' }> | undefined
  let finish: Extract<TurnEvent, { type: 'finish' }> | undefined
  let relay: TurnResult['relay']
  for await (const event of events) {
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
      case 'activity':
        activity.push(event.activity)
        break
      case 'relay':
        relay = { dialect: event.dialect, value: event.value }
        break
      case 'finish':
        finish = event
        break
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-end':
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
    activity,
    notices,
    reason: finish.reason,
    usage: finish.usage,
    ...(finish.claude && { claude: finish.claude }),
    ...(relay && { relay }),
  }
}
