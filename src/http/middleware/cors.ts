import type { IncomingHttpHeaders } from 'node:http'
import { type GuardOptions, isCorsOrigin } from './guard.ts'

/** What some route takes; a route that does not take one of them says so itself. */
const methods = 'GET, HEAD, POST, PATCH, DELETE'

const exposed = [
  'x-request-id',
  'request-id',
  'openai-processing-ms',
  'openai-version',
  'retry-after',
  'x-ratelimit-limit-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-requests',
  'x-ratelimit-reset-tokens',
  'retry-after-ms',
  'x-should-retry',
  'x-provider',
  'x-attempts',
  'x-cache',
  'x-cache-key',
  'x-cache-saved',
  'age',
  'x-model-mapped',
  'x-ignored-parameters',
  'x-dropped-options',
  'x-notice',
  'x-claude-session-id',
  'x-claude-cost-usd',
  'x-cost-usd',
].join(', ')

/** Headers that let a page of an allowed origin read the answer; none for everyone else. */
export function corsHeaders(
  headers: IncomingHttpHeaders,
  options: Pick<GuardOptions, 'corsOrigins'>,
): Record<string, string> {
  const { origin } = headers
  const vary: Record<string, string> = options.corsOrigins.length > 0 ? { vary: 'Origin' } : {}
  if (origin === undefined || !isCorsOrigin(origin, options)) return vary
  return {
    ...vary,
    'access-control-allow-origin': origin,
    'access-control-expose-headers': exposed,
  }
}

/** The answer to a preflight. The asked headers are echoed, since `*` does not cover `Authorization` (Fetch standard). */
export function preflightHeaders(
  headers: IncomingHttpHeaders,
  options: Pick<GuardOptions, 'corsOrigins'>,
): Record<string, string> {
  const allow = { allow: `${methods}, OPTIONS` }
  const { origin } = headers
  if (origin === undefined || !isCorsOrigin(origin, options)) return allow
  const asked = headers['access-control-request-headers']
  return {
    ...allow,
    'access-control-allow-methods': methods,
    'access-control-max-age': '600',
    ...(asked !== undefined && { 'access-control-allow-headers': asked }),
    ...(headers['access-control-request-private-network'] === 'true' && {
      'access-control-allow-private-network': 'true',
    }),
  }
}
