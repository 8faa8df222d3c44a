import type { ResponseUsage } from 'openai/resources/responses/responses'
import type { Usage } from '../../turn/usage.ts'

/** OpenAI counts cached tokens into the input, the hub beside it. */
export function encodeUsage(usage: Usage): ResponseUsage {
  const inputTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens
  return {
    input_tokens: inputTokens,
    input_tokens_details: {
      cached_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheCreationTokens,
    },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: inputTokens + usage.outputTokens,
  }
}
