import type { FastifyInstance } from 'fastify'
import { openaiChat } from '../../dialects/openai-chat/chat.ts'
import { type DialectRouteParts, mountDialect } from '../dialect-route.ts'
import type { HttpParts } from '../parts.ts'

/** POST /v1/chat/completions */
export function mountChatCompletions(
  app: FastifyInstance,
  parts: DialectRouteParts & Pick<HttpParts, 'stored'>,
): void {
  const { stored } = parts
  mountDialect(app, '/v1/chat/completions', openaiChat, { ...parts, storing: { stored } })
}
