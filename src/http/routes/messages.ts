import type { FastifyInstance } from 'fastify'
import { anthropicMessages } from '../../dialects/anthropic-messages/anthropic.ts'
import { countTokens } from '../../dialects/anthropic-messages/count-tokens.ts'
import { type DialectRouteParts, mountDialect } from '../dialect-route.ts'

export const messagePaths = {
  '/v1/messages': 'POST',
  '/v1/messages/count_tokens': 'POST',
} as const

/** POST /v1/messages, and how long a prompt is, about. */
export function mountMessages(app: FastifyInstance, parts: DialectRouteParts): void {
  mountDialect(app, '/v1/messages', anthropicMessages, parts)
  app.post('/v1/messages/count_tokens', async (request, reply) => {
    const input_tokens = countTokens(request.body)
    void reply.header(
      'x-notice',
      'input_tokens is an estimate by length: Claude Code cannot ask the API to count',
    )
    return { input_tokens }
  })
}
