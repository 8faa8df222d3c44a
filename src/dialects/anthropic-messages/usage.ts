import type { MessageDeltaUsage, Usage as MessageUsage } from '@anthropic-ai/sdk/resources/messages'
import type { Usage } from '../../turn/usage.ts'

/** The hub counts as the API does. */
export function encodeUsage(usage: Usage): MessageUsage {
  return {
    ...encodeDeltaUsage(usage),
    input_tokens: usage.inputTokens,
    cache_creation: null,
    inference_geo: null,
    service_tier: null,
    speed: null,
  }
}

export function encodeDeltaUsage(usage: Usage): MessageDeltaUsage {
  return {
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: usage.cacheCreationTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    output_tokens: usage.outputTokens,
    output_tokens_details: { thinking_tokens: usage.reasoningTokens },
    server_tool_use: null,
  }
}
