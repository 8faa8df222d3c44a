/** Tokens of one turn, in Anthropic's own division: the first three are disjoint and add up to the prompt. */
export type Usage = {
  /** Prompt tokens that no cache held. */
  inputTokens: number
  /** Prompt tokens read from the prompt cache. */
  cacheReadTokens: number
  /** Prompt tokens written to the prompt cache. */
  cacheCreationTokens: number
  /** Tokens of the answer, thinking included. */
  outputTokens: number
  /** The part of `outputTokens` that was thinking. */
  reasoningTokens: number
}

export const noUsage: Usage = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}

/** The sum of two turns' tokens. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheCreationTokens: a.cacheCreationTokens + b.cacheCreationTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
  }
}
