import type { FastifyInstance } from 'fastify'
import { openaiChat } from '../../dialects/openai-chat/chat.ts'
import { type DialectRouteParts, mountDialect } from '../dialect-route.ts'

/** POST /v1/chat/completions */
export function mountChatCompletions(app: FastifyInstance, parts: DialectRouteParts): void {
  mountDialect(app, '/v1/chat/completions', openaiChat, parts)
}
