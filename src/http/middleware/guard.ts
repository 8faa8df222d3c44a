import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { TurnError } from '../../turn/error.ts'

export type GuardOptions = {
  host: string
  allowedHosts: readonly string[]
  corsOrigins: readonly string[]
}

export type GuardedRequest = { method: string; headers: IncomingHttpHeaders }

/**
 * Keeps web pages from driving the server. A page of another site shows itself by its `Origin` or by `Sec-Fetch-Site`; one that had
 * its own name resolve to this machine (DNS rebinding), by its `Host`. Throws `host_not_allowed`.
 */
export function guard(request: GuardedRequest, options: GuardOptions): void {
  const { host = '', origin } = request.headers
  if (!isKnownHost(host, options)) {
    throw new TurnError(
      'host_not_allowed',
      `The Host header is ${JSON.stringify(host.slice(0, 100))}, which is not a name of this server. Its owner can add it to ALLOWED_HOSTS.`,
    )
  }
  if (origin !== undefined && !isSameOrigin(origin, host) && !isCorsOrigin(origin, options)) {
    throw new TurnError(
      'host_not_allowed',
      `Web pages of ${JSON.stringify(origin.slice(0, 100))} may not call this server. Its owner can add the origin to CORS_ORIGINS.`,
    )
  }
  if (origin === undefined && isFromAnotherSite(request)) {
    throw new TurnError('host_not_allowed', 'Web pages of other sites may not call this server.')
  }
}

/** Nearly every request comes with the same name: it is looked at once. */
const lastAllowed = new WeakMap<GuardOptions, string>()

function isKnownHost(host: string, options: GuardOptions): boolean {
  if (lastAllowed.get(options) === host) return true
  if (!isAllowedHost(hostName(host), options)) return false
  lastAllowed.set(options, host)
  return true
}

/** Whether the owner let this origin in by name, or every one. */
export function isCorsOrigin(
  origin: string,
  { corsOrigins }: Pick<GuardOptions, 'corsOrigins'>,
): boolean {
  return corsOrigins.includes('*') || corsOrigins.includes(origin)
}

function isAllowedHost(name: string, { host, allowedHosts }: GuardOptions): boolean {
  if (name === '') return false
  if (isLoopbackName(name)) return true
  if ([host, ...allowedHosts].some((allowed) => name === plain(allowed))) return true
  // A server that listens on every address is reached by addresses it does not know; no page can have an address as its own name.
  return isWildcard(host) && isIP(name) !== 0
}

function isLoopbackName(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  )
}

function isWildcard(host: string): boolean {
  return ['0.0.0.0', '::', '[::]'].includes(host)
}

/** The name in a `Host` header, without its port; empty when the header is not one. */
function hostName(header: string): string {
  const match = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(header)
  return plain(match?.[1] ?? '')
}

function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
}

/** The scheme may differ: a proxy in front may speak TLS. */
function isSameOrigin(origin: string, host: string): boolean {
  return (
    URL.canParse(origin) &&
    [`http://${host}`, `https://${host}`]
      .filter((own) => URL.canParse(own))
      .some((own) => new URL(own).origin === origin.toLowerCase())
  )
}

/** A person may follow a link to a page of ours: that is a navigation, and the site that has the link cannot read what comes. */
function isFromAnotherSite({ method, headers }: GuardedRequest): boolean {
  if (headers['sec-fetch-site'] !== 'cross-site') return false
  const isNavigation =
    headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  return !(isNavigation && (method === 'GET' || method === 'HEAD'))
}
