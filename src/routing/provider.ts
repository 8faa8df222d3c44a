import type { Backend } from '../turn/backend.ts'
import type { Turn } from '../turn/turn.ts'
import type { Breaker } from './breaker/breaker.ts'

/** What a provider can do; what its owner did not say is assumed. */
export type Capabilities = { tools: boolean; images: boolean; streaming: boolean; schema: boolean }

export const everything: Capabilities = { tools: true, images: true, streaming: true, schema: true }

/** A backend with what routing has to know of it. */
export type Provider = {
  backend: Backend
  breaker: Breaker
  /** Claude Code can do all that a turn asks for; the others get what `degrade` leaves. */
  isClaudeCode: boolean
  /** It repeats by itself what is worth it, so that nobody else should. */
  repeatsItself: boolean
  can: Capabilities
  /** The longest conversation, where the owner said so. */
  contextTokens?: number
  /** Providers of one group stand together in the order; who of them is asked first is drawn by weight. */
  group?: string
  weight: number
}

/** What of a turn a provider cannot do, in its owner's words; empty when it fits. Streaming is made up for elsewhere. */
export function inabilities(turn: Turn, { can }: Pick<Provider, 'can'>): string[] {
  const lacks: string[] = []
  if (!can.tools && turn.tools.length > 0) lacks.push('tools')
  if (!can.images && hasImages(turn)) lacks.push('images')
  if (!can.schema && turn.output.type === 'json-schema') lacks.push('schema')
  return lacks
}

function hasImages({ claude, messages }: Turn): boolean {
  if (claude.images.length > 0) return true
  return messages.some(
    ({ role, content }) => role === 'user' && content.some(({ type }) => type === 'image'),
  )
}
