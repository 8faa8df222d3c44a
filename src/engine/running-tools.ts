import type { SDKMessage } from '@anthropic-ai/claude-agent-sdk'

/** Which tool uses have no result yet: while one runs, silence is no fault. */
export class RunningTools {
  readonly #ids = new Set<string>()

  push(message: SDKMessage): void {
    if (message.type === 'assistant') {
      for (const block of message.message.content)
        if (block.type === 'tool_use') this.#ids.add(block.id)
    }
    if (message.type === 'user' && typeof message.message.content !== 'string') {
      for (const block of message.message.content) {
        if (block.type === 'tool_result') this.#ids.delete(block.tool_use_id)
      }
    }
  }

  get any(): boolean {
    return this.#ids.size > 0
  }
}
