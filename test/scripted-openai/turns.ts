import { Cancellation } from '../../src/turn/cancellation.ts'
import { type ClaudeOptions, defaultClaudeOptions } from '../../src/turn/claude-options.ts'
import type { TurnContext } from '../../src/turn/backend.ts'
import { TurnError } from '../../src/turn/error.ts'
import type { Relay, TurnEvent } from '../../src/turn/event.ts'
import { plainTurn, type Turn } from '../../src/turn/turn.ts'

/** A turn as the dialect makes it of `body`. */
export function turnOf(
  body: Record<string, unknown> = {},
  claude: Partial<ClaudeOptions> = {},
): Turn {
  const whole = { messages: [{ role: 'user', content: 'Say hello' }], ...body }
  return {
    ...plainTurn,
    ...(typeof body.model === 'string' && { model: body.model }),
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Say hello' }] }],
    claude: { ...defaultClaudeOptions, ...claude },
    source: { dialect: 'openai-chat', body: whole },
  }
}

export function contextOf(more: Partial<TurnContext> = {}): TurnContext {
  return {
    cancellation: new Cancellation(),
    requestId: 'request-1',
    owner: 'tests',
    stream: false,
    ...more,
  }
}

/** Everything that the events say but who was asked, and the error that ended them. */
export async function record(
  events: AsyncIterable<TurnEvent>,
): Promise<{ events: TurnEvent[]; error: TurnError | undefined }> {
  const seen: TurnEvent[] = []
  try {
    for await (const event of events) if (!isAttempt(event)) seen.push(event)
  } catch (thrown) {
    if (thrown instanceof TurnError) return { events: seen, error: thrown }
    throw thrown
  }
  return { events: seen, error: undefined }
}

function isAttempt(event: TurnEvent): boolean {
  return event.type === 'notice' && event.notice.type === 'attempt'
}

/** The events' types; a relay counts once for each of its chunks, which may have arrived together. */
export function typesOf(events: readonly TurnEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === 'relay' ? chunksOf(event).map(() => event.type) : [event.type],
  )
}

export function relayed(events: readonly TurnEvent[]): unknown[] {
  return events.flatMap((event) => (event.type === 'relay' ? chunksOf(event) : []))
}

function chunksOf(relay: Relay): readonly unknown[] {
  return 'chunks' in relay ? relay.chunks : [relay.body]
}
