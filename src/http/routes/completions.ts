import type { FastifyInstance } from 'fastify'
import { openaiCompletions } from '../../dialects/openai-completions/completions.ts'
import { type DialectRouteParts, mountDialect } from '../dialect-route.ts'

/** POST /v1/completions */
export function mountCompletions(app: FastifyInstance, parts: DialectRouteParts): void {
  mountDialect(app, '/v1/completions', openaiCompletions, parts)
}
