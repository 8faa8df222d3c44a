import { Readable } from 'node:stream'
import { type Dispatcher, errors, Pool } from 'undici'
import { TurnError } from '../turn/error.ts'
import type { UpstreamTimeouts } from './call.ts'
import { baseEndpoint } from './endpoint.ts'
import { noAnswer, transportFailure } from './failures.ts'
import type { UpstreamOptions } from './upstream.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** A request that is no turn, as it came. */
export type PassedRequest = {
  /** Below the version, with the query: `/embeddings`. */
  path: string
  headers: Headers
  body: AsyncIterable<Uint8Array>
  signal: AbortSignal
}

/** Its answer as it came, the status too. The body is read or destroyed by whoever gets it. */
export type PassedAnswer = {
  provider: string
  status: number
  headers: Record<string, string>
  body: Dispatcher.ResponseData['body']
}

export type PassthroughOptions = Pick<UpstreamOptions, 'name' | 'url' | 'key' | 'headers'> & {
  timeouts: Pick<UpstreamTimeouts, 'connectMs' | 'idleMs' | 'answerMs'>
}

/** Where requests that are no turns go. */
export type Passthrough = AsyncDisposable & {
  name: string
  pass(request: PassedRequest): Promise<PassedAnswer>
}

const mostConnections = 64

/** What of a request goes along besides its body: what says how to read it, and how to answer. */
const requestHeaders = [
  'content-type',
  'content-length',
  'content-encoding',
  'accept',
  'accept-encoding',
  'idempotency-key',
  'openai-beta',
]

/** What of an answer comes back. Everything else is between this server and the provider. */
const answerHeaders =
  /^(?:content-(?:type|length|encoding|disposition|range)|etag|retry-after(?:-ms)?|x-should-retry|x-ratelimit-[\w-]+|openai-model)$/

/**
 * Forwards requests whole, both ways as streams, so that memory does not grow with them. Nothing is looked into and nothing repeated: the
 * body is gone once it is sent. The provider's words about this server's key stay here.
 */
export function createPassthrough(options: PassthroughOptions): Passthrough {
  const { name, url, key, timeouts } = options
  const { origin, path: base, search } = baseEndpoint(url)
  const pool = new Pool(origin, {
    connections: mostConnections,
    connect: { timeout: timeouts.connectMs },
    headersTimeout: timeouts.answerMs,
    bodyTimeout: timeouts.idleMs,
  })
  return {
    name,
    async pass({ path, headers, body, signal }) {
      try {
        const response = await pool.request({
          method: 'POST',
          path: withQuery(base + path, search),
          headers: {
            ...chosen(headers, requestHeaders),
            'user-agent': 'claude-code-api',
            ...(key !== undefined && { authorization: `Bearer ${key}` }),
            ...options.headers,
          },
          body: Readable.from(body, { objectMode: false }),
          signal,
        })
        return await answered(name, response)
      } catch (thrown) {
        throw signal.aborted ? TurnError.from(signal.reason) : failureOf(name, thrown)
      }
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

async function answered(
  provider: string,
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
): Promise<PassedAnswer> {
  // Whoever reads the body gets its errors; this one is for a body that is let go.
  body.on('error', () => {})
  const refusal = refusalOf(provider, status)
  if (refusal) {
    body.destroy()
    throw refusal
  }
  const passed = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value !== undefined && answerHeaders.test(name) ? [[name, String(value)]] : [],
  )
  return { provider, status, headers: Object.fromEntries(passed), body }
}

function refusalOf(provider: string, status: number): TurnError | undefined {
  if (status === 401 || status === 402 || status === 403) {
    return new TurnError(
      'upstream_unauthorized',
      `The API "${provider}" refused the credentials of this server (status ${status}).`,
    )
  }
  return status >= 300 && status < 400
    ? noAnswer(`The API "${provider}" answered with a redirect (status ${status}), not followed.`)
    : undefined
}

function failureOf(name: string, thrown: unknown): TurnError {
  if (thrown instanceof errors.HeadersTimeoutError) {
    return new TurnError('first_token_timeout', `The API "${name}" did not answer in time.`)
  }
  return transportFailure({ name }, thrown, false)
}

function chosen(headers: Headers, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name]
      return value === undefined ? [] : [[name, String(value)]]
    }),
  )
}

/** The provider's own query (`?api-version=`) comes first. */
function withQuery(path: string, search: string): string {
  if (search === '') return path
  const [bare = '', asked] = path.split('?', 2)
  return asked === undefined ? bare + search : `${bare}${search}&${asked}`
}
