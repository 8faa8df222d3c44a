import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'

/** Which tool uses have no result yet: while one runs, silence is no fault. */
export class RunningTools {
  readonly #since = new Map<string, number>()

  push(message: SDKMessage): void {
    if (message.type === 'assistant') {
      for (const block of message.message.content)
        if (block.type === 'tool_use') this.#since.set(block.id, performance.now())
    }
    if (message.type === 'user' && typeof message.message.content !== 'string') {
      for (const block of message.message.content) {
        if (block.type === 'tool_result') this.#since.delete(block.tool_use_id)
      }
    }
  }

  get any(): boolean {
    return this.#since.size > 0
  }

  /** How long the oldest has been running, in milliseconds. */
  get elapsedMs(): number {
    const [oldest] = this.#since.values()
    return oldest === undefined ? 0 : performance.now() - oldest
  }
}
