import type { FastifyInstance } from 'fastify'
import { openaiResponses } from '../../dialects/openai-responses/responses.ts'
import { type DialectRouteParts, mountDialect } from '../dialect-route.ts'

/** The paths and their methods. */
export const responsePaths = { '/v1/responses': 'POST' } as const

/** POST /v1/responses */
export function mountResponses(app: FastifyInstance, parts: DialectRouteParts): void {
  mountDialect(app, '/v1/responses', openaiResponses, parts)
}
