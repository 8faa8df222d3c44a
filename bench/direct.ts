import { query, type SDKUserMessage } from '@anthropic-ai/claude-agent-sdk'
import { Channel } from '../src/lib/channel.ts'
import { childEnvironment } from '../src/engine/environment.ts'
import type { Sample } from './measure.ts'

/** A live Claude Code process driven through the SDK, with nothing of this project in between. */
export async function startDirect(source: Record<string, string>, folder: string) {
  const input = new Channel<SDKUserMessage>()
  const env = childEnvironment({ source, pass: [], maxRetries: 0, clientApp: 'bench/1' })
  const session = query({
    prompt: input,
    options: {
      cwd: folder,
      env,
      tools: [],
      settingSources: [],
      includePartialMessages: true,
      thinking: { type: 'adaptive', display: 'summarized' },
      model: 'sonnet',
    },
  })
  await session.initializationResult()
  return {
    async turn(text: string): Promise<Sample> {
      const begin = performance.now()
      let firstTokenMs = Number.NaN
      input.push({
        type: 'user',
        message: { role: 'user', content: text },
        parent_tool_use_id: null,
      })
      for (;;) {
        const { value, done } = await session.next()
        if (done) throw new Error('The process has ended.')
        if (
          Number.isNaN(firstTokenMs) &&
          value.type === 'stream_event' &&
          value.event.type === 'content_block_delta'
        )
          firstTokenMs = performance.now() - begin
        if (value.type === 'result') return { firstTokenMs, totalMs: performance.now() - begin }
      }
    },
    close: () => session.close(),
  }
}
