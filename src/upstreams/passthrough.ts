import { Readable } from 'node:stream'
import { type Dispatcher, errors, Pool } from 'undici'
import { TurnError } from '../turn/error.ts'
import type { UpstreamTimeouts } from './call.ts'
import { baseEndpoint } from './endpoint.ts'
import { isClosedBetween, transportFailure } from './failures.ts'
import { type HeldAnswer, passedFailure } from './passed-failure.ts'
import type { UpstreamOptions } from './upstream.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** A request that is no turn, as it came. */
export type PassedRequest = {
  /** Below the version, with the query: `/embeddings`. */
  path: string
  headers: Headers
  body: {
    read(): AsyncIterable<Uint8Array>
    /** Whether `read` can be called again. */
    readonly canRepeat: boolean
    /** What reading it failed with. */
    readonly failure: unknown
  }
  signal: AbortSignal
}

/** Its answer as it came, the status too. The body is read or destroyed by whoever gets it. */
export type PassedAnswer = { status: number; headers: Record<string, string>; body: Readable }

/** What became of it. A failure may have an answer of its own, which is for the caller if nobody else has a better one. */
export type Passed =
  | { type: 'answer'; answer: PassedAnswer }
  | { type: 'failure'; error: TurnError; answer?: HeldAnswer }

export type PassthroughOptions = Pick<UpstreamOptions, 'name' | 'url' | 'key' | 'headers'> & {
  timeouts: Pick<UpstreamTimeouts, 'connectMs' | 'idleMs' | 'answerMs'>
}

/** Where requests that are no turns go. */
export type Passthrough = AsyncDisposable & {
  /** Throws only when the caller has left. */
  pass(request: PassedRequest): Promise<Passed>
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
 * Forwards requests whole, both ways as streams, so that memory does not grow with them. Nothing is looked into but the error of an answer
 * that failed (passed-failure.ts).
 */
export function createPassthrough(options: PassthroughOptions): Passthrough {
  const { timeouts } = options
  const { origin, path: base, search } = baseEndpoint(options.url)
  const pool = new Pool(origin, {
    connections: mostConnections,
    connect: { timeout: timeouts.connectMs },
    headersTimeout: timeouts.answerMs,
    bodyTimeout: timeouts.idleMs,
  })
  return {
    async pass(request) {
      const { body, signal } = request
      const path = withQuery(base + request.path, search)
      try {
        const response = await send(pool, body, {
          method: 'POST',
          path,
          headers: headersFor(options, request.headers),
          signal,
        })
        // Whoever reads the body gets its errors; this one is for a body that is let go.
        response.body.on('error', () => {})
        return (await passedFailure(options, response, answerHeadersOf)) ?? answered(response)
      } catch (thrown) {
        if (signal.aborted) throw TurnError.from(signal.reason)
        return { type: 'failure', error: failureOf(options.name, body.failure ?? thrown) }
      }
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

/** Once more, on another connection, when the one that was kept alive closed just then. */
async function send(
  pool: Pool,
  body: PassedRequest['body'],
  options: Dispatcher.RequestOptions,
): Promise<Dispatcher.ResponseData> {
  const once = (): Promise<Dispatcher.ResponseData> =>
    pool.request({ ...options, body: Readable.from(body.read(), { objectMode: false }) })
  try {
    return await once()
  } catch (thrown) {
    if (!isClosedBetween(thrown) || !body.canRepeat) throw thrown
    return once()
  }
}

function headersFor({ key, headers }: PassthroughOptions, asked: Headers): Record<string, string> {
  const chosen = requestHeaders.flatMap((name) => {
    const value = asked[name]
    return value === undefined ? [] : [[name, String(value)]]
  })
  return {
    ...Object.fromEntries(chosen),
    'user-agent': 'claude-code-api',
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...headers,
  }
}

function answered({ statusCode: status, headers, body }: Dispatcher.ResponseData): Passed {
  return { type: 'answer', answer: { status, headers: answerHeadersOf(headers), body } }
}

function answerHeadersOf(headers: Headers): Record<string, string> {
  const passed = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value !== undefined && answerHeaders.test(name) ? [[name, String(value)]] : [],
  )
  return Object.fromEntries(passed)
}

function failureOf(name: string, thrown: unknown): TurnError {
  if (thrown instanceof errors.HeadersTimeoutError) {
    return new TurnError('first_token_timeout', `The API "${name}" did not answer in time.`)
  }
  return transportFailure({ name }, thrown, false)
}

/** The provider's own query (`?api-version=`) comes first. */
function withQuery(path: string, search: string): string {
  if (search === '') return path
  const [bare = '', asked] = path.split('?', 2)
  return asked === undefined ? bare + search : `${bare}${search}&${asked}`
}
