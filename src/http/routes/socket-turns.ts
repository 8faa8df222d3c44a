import type { ConnectionMemory } from '../../responses/connection-memory.ts'
import { inputItems, isWhole, type Item } from '../../responses/items.ts'
import type { Backend } from '../../turn/backend.ts'

type Json = Record<string, unknown>

/** Keeps an answer that is not stored for its connection to go on from; `body` is the request with its whole conversation. */
export function remember(memory: ConnectionMemory, body: unknown, answer: Json): void {
  const { id, status, output, store } = answer
  if (store !== false || (status !== 'completed' && status !== 'incomplete')) return
  const { input, previous_response_id: previous } = Object(body) as Json
  const said = Array.isArray(output) ? (output as Item[]).filter(isWhole) : []
  const items = [...(inputItems(input) ?? []), ...said]
  memory.put(String(id), items, typeof previous === 'string' ? previous : undefined)
}

/** Answers `generate: false`: what was sent is checked and remembered, and nothing is said. */
export const warmUp: Backend = {
  name: 'warm-up',
  async *run({ model = 'claude-code' }) {
    yield { type: 'start', id: 'warm-up', provider: 'none', model }
    const nothing = { inputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 }
    const usage = { ...nothing, outputTokens: 0, reasoningTokens: 0 }
    yield { type: 'finish', reason: 'stop', model, usage }
  },
}

/** What is warmed up need ask nothing yet, which a turn must. */
export function withQuestion(body: unknown): unknown {
  const { input, ...rest } = Object(body) as Json
  const question = { type: 'message', role: 'user', content: '.' }
  const items = inputItems(input ?? [])
  return items ? { ...rest, input: [...items, question] } : body
}
