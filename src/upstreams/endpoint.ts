/** Where the chat completions of an upstream are. */
export type Endpoint = { origin: string; path: string }

/** Where all endpoints of an upstream begin, and the query that each of them gets. */
export type BaseEndpoint = Endpoint & { search: string }

const chat = '/chat/completions'

/**
 * Finds the endpoint for a base URL as people write it: with or without a version, with or without a slash at its end, or the whole
 * address of `…/chat/completions`. `/v1` is added when no part of the path is a version. A query (`?api-version=`) is kept.
 */
export function endpoint(url: string): Endpoint {
  const { origin, path, search } = baseEndpoint(url)
  return { origin, path: path + chat + search }
}

export function baseEndpoint(url: string): BaseEndpoint {
  const { origin, pathname, search } = new URL(url)
  const path = pathname.replace(/\/+$/, '')
  if (path.endsWith(chat)) return { origin, path: path.slice(0, -chat.length), search }
  const version = /\/v\d[^/]*(?:\/|$)/.test(path) ? '' : '/v1'
  return { origin, path: path + version, search }
}
