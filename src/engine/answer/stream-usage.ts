import type { BetaMessageDeltaUsage, BetaUsage } from '@anthropic-ai/sdk/resources/beta/messages'
import { addUsage, noUsage, type Usage } from '../../turn/usage.ts'

/** Tokens as the stream tells them: of the messages that are whole, and of the one that is being written. */
export class StreamUsage {
  #whole: Usage = noUsage
  #current: Usage = noUsage

  get total(): Usage {
    return addUsage(this.#whole, this.#current)
  }

  /** Whether a message has told of its prompt. */
  get isTold(): boolean {
    return this.#current !== noUsage
  }

  /** A message begins. */
  begin(usage: BetaUsage): void {
    this.#whole = this.total
    this.#current = {
      inputTokens: usage.input_tokens,
      cacheReadTokens: usage.cache_read_input_tokens ?? 0,
      cacheCreationTokens: usage.cache_creation_input_tokens ?? 0,
      outputTokens: usage.output_tokens,
      reasoningTokens: 0,
    }
  }

  /** The message's own last word on its output. */
  update(usage: BetaMessageDeltaUsage): void {
    this.#current = {
      ...this.#current,
      outputTokens: usage.output_tokens,
      reasoningTokens: usage.output_tokens_details?.thinking_tokens ?? 0,
    }
  }

  reset(): void {
    this.#whole = noUsage
    this.#current = noUsage
  }
}
