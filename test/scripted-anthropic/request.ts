import type { IncomingHttpHeaders } from 'node:http'

/** The parts of a Messages API request that tests look at. */
export type MessagesRequest = {
  model: string
  max_tokens: number
  stream?: boolean
  system?: string | { type: 'text'; text: string }[]
  messages: { role: string; content: string | Record<string, unknown>[] }[]
  tools?: { name: string; input_schema?: unknown; description?: string }[]
  thinking?: unknown
  output_config?: { effort?: string }
  [field: string]: unknown
}

/** One `POST /v1/messages` as it came. */
export type RecordedRequest = {
  body: MessagesRequest
  headers: IncomingHttpHeaders
  /** Milliseconds since the epoch. */
  receivedAt: number
  /** When the connection closed before the answer was complete: the client left, or the script cut it. */
  closedAt?: number
}

/** A message of a conversation, its content always blocks. */
export type ConversationMessage = { role: string; content: Record<string, unknown>[] }

/**
 * The conversation without what Claude Code and the API add: notes of role `system`, cache marks, and the fields `citations`
 * and `caller` that the API gives its own blocks and Claude Code sends back.
 */
export function conversation(request: RecordedRequest): ConversationMessage[] {
  return request.body.messages
    .filter(({ role }) => role !== 'system')
    .map(({ role, content }) => ({
      role,
      content: (typeof content === 'string' ? [{ type: 'text', text: content }] : content).map(
        ({ cache_control: _cache, citations: _citations, caller: _caller, ...block }) => block,
      ),
    }))
}

/** The caller's system prompt: what follows Claude Code's billing line and the line that says who it is. */
export function systemText(request: RecordedRequest): string {
  const { system = [] } = request.body
  if (typeof system === 'string') return system
  return system
    .map(({ text }) => text)
    .filter((text, index) => !(index < 2 && ownLine.test(text)))
    .join('\n\n')
}

const ownLine = /^(x-anthropic-billing-header:|You are (Claude Code|a Claude agent)[^\n]*$)/
