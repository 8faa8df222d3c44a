import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../../access/caller.ts'
import { TurnError } from '../../turn/error.ts'

/** Who may ask: gives the caller, or throws `invalid_api_key` or `expired_api_key`. A promise only where the storage must be asked. */
export type Authenticate = (headers: IncomingHttpHeaders) => Caller | Promise<Caller>

/** The keys of the storage. */
export type StoredKeys = {
  /** Whether there is a key, so that nobody gets in without one. */
  asksForKey(): boolean | Promise<boolean>
  /** Undefined for what is no key. */
  find(text: string): Caller | undefined | Promise<Caller | undefined>
}

/**
 * Holds callers to a key, sent as `Authorization: Bearer`, `api-key` or `x-api-key`: the one of the settings, or a stored one. Hashes are
 * compared, in constant time, so that neither the key's text nor its length shows. Where there is no key at all everyone is `anonymous`.
 */
export function authenticator(apiKey: string | undefined, stored?: StoredKeys): Authenticate {
  const isApiKey = matcher(apiKey)
  const owner = apiKey === undefined ? '' : `key-${hash(apiKey).toString('hex').slice(0, 16)}`
  return (headers) => {
    const offered = offeredKeys(headers)
    if (offered.some(isApiKey)) return { owner }
    if (stored) return find(stored, offered, apiKey === undefined)
    return withoutKey(apiKey !== undefined, offered.length)
  }
}

/** Knows the key of the admin API. */
export function adminAuthenticator(adminKey: string | undefined) {
  const isAdminKey = matcher(adminKey)
  const is = (headers: IncomingHttpHeaders): boolean => offeredKeys(headers).some(isAdminKey)
  return {
    is,
    /** Throws `forbidden` where there is no such key, and `invalid_api_key`. */
    authenticate(headers: IncomingHttpHeaders): void {
      if (adminKey === undefined) {
        throw new TurnError(
          'forbidden',
          'The admin API is off: the owner of this server has set no ADMIN_KEY.',
        )
      }
      if (!is(headers)) {
        throw new TurnError('invalid_api_key', 'This needs the ADMIN_KEY of this server.')
      }
    },
  }
}

/** The first of the texts that is a key's; `offered`: how many the request had. */
async function ask(
  stored: StoredKeys,
  texts: string[],
  mayBeOpen: boolean,
  offered: number,
): Promise<Caller> {
  for (const text of texts) {
    const caller = await stored.find(text)
    if (caller) return caller
  }
  return withoutKey(!mayBeOpen || (await stored.asksForKey()), offered)
}

/** The same as `ask` for the plain cases, without a promise where the storage need not be asked. */
function find(stored: StoredKeys, offered: string[], mayBeOpen: boolean): Caller | Promise<Caller> {
  const [only] = offered
  const caller = only === undefined ? undefined : stored.find(only)
  // A promise that nobody waits for could end the process.
  if (caller instanceof Promise)
    return caller.then((found) => found ?? ask(stored, offered.slice(1), mayBeOpen, offered.length))
  if (caller === undefined && offered.length > 1)
    return ask(stored, offered.slice(1), mayBeOpen, offered.length)
  if (caller) return caller
  const asksForKey = !mayBeOpen || stored.asksForKey()
  return asksForKey instanceof Promise
    ? asksForKey.then((asks) => withoutKey(asks, offered.length))
    : withoutKey(asksForKey, offered.length)
}

function withoutKey(asksForKey: boolean, offered: number): Caller {
  if (!asksForKey) return { owner: 'anonymous' }
  throw new TurnError(
    'invalid_api_key',
    offered === 0
      ? "You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY` (or in the header `api-key` or `x-api-key`)."
      : 'Incorrect API key provided. The right one is the API_KEY of this server, or one that its owner has made.',
  )
}

/** Whether somebody says who he is, rightly or wrongly. */
export function offersKey(headers: IncomingHttpHeaders): boolean {
  return offeredKeys(headers).length > 0
}

function offeredKeys(headers: IncomingHttpHeaders): string[] {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
  return [bearer, headers['api-key'], headers['x-api-key']]
    .flat()
    .filter((key) => key !== undefined)
}

function matcher(expected: string | undefined): (text: string) => boolean {
  if (expected === undefined) return () => false
  const known = hash(expected)
  return (text) => timingSafeEqual(hash(text), known)
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
