import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { TurnError } from '../../turn/error.ts'

/** Who may ask: gives the caller's owner id, or throws `invalid_api_key`. */
export type Authenticate = (headers: IncomingHttpHeaders) => string

/**
 * Holds callers to one key, sent as `Authorization: Bearer`, `api-key` or `x-api-key`. Hashes are compared, in constant time, so that
 * neither the key's text nor its length shows. Without a key everyone is `anonymous`.
 */
export function authenticator(apiKey: string | undefined): Authenticate {
  if (apiKey === undefined) return () => 'anonymous'
  const expected = hash(apiKey)
  const owner = `key-${expected.toString('hex').slice(0, 16)}`
  return (headers) => {
    const offered = offeredKeys(headers)
    if (offered.some((key) => timingSafeEqual(hash(key), expected))) return owner
    throw new TurnError(
      'invalid_api_key',
      offered.length === 0
        ? "You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY` (or in the header `api-key` or `x-api-key`)."
        : 'Incorrect API key provided. The right one is the API_KEY of this server.',
    )
  }
}

function offeredKeys(headers: IncomingHttpHeaders): string[] {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
  return [bearer, headers['api-key'], headers['x-api-key']]
    .flat()
    .filter((key) => key !== undefined)
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
