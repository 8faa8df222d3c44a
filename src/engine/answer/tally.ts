import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import { z } from 'zod'
import type { ClaudeRun } from '../../turn/event.ts'
import { addUsage, noUsage, type Usage } from '../../turn/usage.ts'
import type { Translator } from './sdk-events.ts'

export type ResultMessage = Extract<SDKMessage, { type: 'result' }>

/** What a turn took, over all its attempts. */
export class Tally {
  usage: Usage = noUsage
  #costUsd = 0
  #durationMs = 0
  #turns = 0

  /** Counts one attempt; `result` is absent when an interrupted one told nothing any more. */
  add(result: ResultMessage | undefined, translator: Translator): void {
    this.usage = addUsage(this.usage, usageOf(translator))
    this.#costUsd += result ? costOf(result) : 0
    this.#durationMs += result?.duration_ms ?? 0
    this.#turns += result?.num_turns ?? 1
  }

  run(translator: Translator, debugLog: string | undefined): ClaudeRun {
    return {
      sessionId: translator.sessionId,
      costUsd: this.#costUsd,
      durationMs: this.#durationMs,
      turns: this.#turns,
      ...(debugLog !== undefined && { debugLog }),
    }
  }
}

/** What Claude Code began after a cut, before the interrupt reached it, is no part of the answer. */
function usageOf(translator: Translator): Usage {
  const usage = translator.finished?.usage
  if (!usage || usage.output_tokens === 0) return translator.usage
  return {
    inputTokens: usage.input_tokens,
    cacheReadTokens: usage.cache_read_input_tokens,
    cacheCreationTokens: usage.cache_creation_input_tokens,
    outputTokens: usage.output_tokens,
    reasoningTokens: usage.output_tokens_details?.thinking_tokens ?? 0,
  }
}

/** `total_cost_usd` runs on over a session's life; this field, which the SDK does not type, is the turn alone. */
const sinceLastResult = z.object({
  model_usage_since_last_result: z.record(z.string(), z.object({ costUSD: z.number() })),
})

function costOf(result: ResultMessage): number {
  const own = sinceLastResult.safeParse(result)
  if (!own.success) return result.total_cost_usd
  return Object.values(own.data.model_usage_since_last_result).reduce(
    (sum, { costUSD }) => sum + costUSD,
    0,
  )
}
