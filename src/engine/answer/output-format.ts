import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import type { ClaudeRun, TurnEvent } from '../../turn/event.ts'
import type { Usage } from '../../turn/usage.ts'
import type { Translator } from './sdk-events.ts'

type ResultMessage = Extract<SDKMessage, { type: 'result' }>

/**
 * `output_format: stream-json`: the content is Claude Code's own events, one JSON document a line, as they come. Pieces of
 * messages are left out: each message follows whole. What comes before the first answer is held back, so that a failure is
 * still a failure and not an answer that begins.
 */
export class EventLines {
  readonly #held: string[] = []
  #opened = false

  push(message: SDKMessage, translator: Translator): TurnEvent[] {
    if (!shown.has(message.type)) return []
    this.#held.push(`${JSON.stringify(message)}\n`)
    if (message.type === 'system' || (message.type === 'assistant' && message.error)) return []
    const events: TurnEvent[] = []
    if (!this.#opened) {
      this.#opened = true
      events.push(translator.startEvent(), { type: 'text-start', block: 0 })
    }
    events.push(
      ...this.#held.splice(0).map((text): TurnEvent => ({ type: 'text-delta', block: 0, text })),
    )
    if (message.type === 'result') events.push({ type: 'text-end', block: 0 })
    return events
  }
}

const shown = new Set<SDKMessage['type']>(['system', 'assistant', 'user', 'result'])

/** `output_format: json`: the content is one JSON document with the result and what it took. */
export function resultDocument(
  result: ResultMessage,
  run: ClaudeRun,
  usage: Usage,
  model: string,
): string {
  return JSON.stringify({
    type: 'result',
    subtype: result.subtype,
    is_error: result.is_error,
    result: result.subtype === 'success' ? result.result : '',
    stop_reason: result.stop_reason,
    session_id: run.sessionId,
    model,
    total_cost_usd: run.costUsd,
    duration_ms: run.durationMs,
    num_turns: run.turns,
    usage: {
      input_tokens: usage.inputTokens,
      cache_read_input_tokens: usage.cacheReadTokens,
      cache_creation_input_tokens: usage.cacheCreationTokens,
      output_tokens: usage.outputTokens,
      reasoning_tokens: usage.reasoningTokens,
    },
  })
}
