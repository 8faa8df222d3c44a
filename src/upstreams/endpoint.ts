/** Where the chat completions of an upstream are. */
export type Endpoint = { origin: string; path: string }

/**
 * Finds the endpoint for a base URL as people write it: with or without a version, with or without a slash at its end, or the whole
 * address of `…/chat/completions`. `/v1` is added when no part of the path is a version. A query (`?api-version=`) is kept.
 */
export function endpoint(url: string): Endpoint {
  const { origin, pathname, search } = new URL(url)
  const base = pathname.replace(/\/+$/, '')
  if (base.endsWith('/chat/completions')) return { origin, path: base + search }
  const version = /\/v\d[^/]*(?:\/|$)/.test(base) ? '' : '/v1'
  return { origin, path: `${base}${version}/chat/completions${search}` }
}
