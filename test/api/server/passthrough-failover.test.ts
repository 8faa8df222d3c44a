import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../support/server.ts'

type Answer =
  { status: number; headers?: Record<string, string>; body?: string | Buffer } | 'silence'

/** An API that answers as it is told, the last answer for ever, and keeps the bodies that it got. */
type Api = { url: string; bodies: string[]; answer: (...answers: Answer[]) => void }

let servers: Server[]
let first: Api
let second: Api
let server: TestServer | undefined

beforeEach(async () => {
  servers = []
  first = await startApi()
  second = await startApi()
})
afterEach(async () => {
  await server?.close()
  server = undefined
  for (const api of servers) {
    api.closeAllConnections()
    api.close()
  }
})

async function startApi(): Promise<Api> {
  const bodies: string[] = []
  let queue: Answer[] = [{ status: 200 }]
  const api = createServer((request, response) => {
    const [answer = 'silence', ...rest] = queue
    if (rest.length > 0) queue = rest
    void (async () => {
      bodies.push(await bodyOf(request))
      if (answer === 'silence') return
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      response.end(answer.body ?? '{"ok":true}')
    })()
  })
  servers.push(api)
  api.listen(0, '127.0.0.1')
  await once(api, 'listening')
  const { port } = api.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    bodies,
    answer: (...answers) => {
      queue = answers
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

/** Nobody listens there. */
const nowhere = 'http://127.0.0.1:9'

async function start(settings: Record<string, string> = {}): Promise<TestServer> {
  server = await startTestServer({
    CLAUDE_PATH: '/nowhere/claude',
    FALLBACK_API_NAME_1: 'first',
    FALLBACK_API_URL_1: first.url,
    FALLBACK_API_NAME_2: 'second',
    FALLBACK_API_URL_2: second.url,
    RETRIES: '0',
    ...settings,
  })
  return server
}

const asked = '{"model":"e","input":"x"}'

async function embed(body: string | Buffer = asked): Promise<{
  status: number
  provider: string | null
  attempts: string | null
  headers: Headers
  body: unknown
}> {
  const response = await fetch(`${server?.url}/v1/embeddings`, { method: 'POST', body })
  return {
    status: response.status,
    provider: response.headers.get('x-provider'),
    attempts: response.headers.get('x-attempts'),
    headers: response.headers,
    body: await response.json(),
  }
}

describe('what is not a turn goes on to the next provider', () => {
  it.each<[string, Answer, string]>([
    ['overloaded', { status: 503 }, 'upstream_error'],
    ['throttled', { status: 429 }, 'rate_limit_exceeded'],
    [
      'out of credit, in a packed answer',
      {
        status: 429,
        headers: { 'content-encoding': 'gzip' },
        body: gzipSync('{"error":{"code":"insufficient_quota"}}'),
      },
      'insufficient_quota',
    ],
    ['not given a key that it takes', { status: 401 }, 'upstream_unauthorized'],
    ['without the endpoint', { status: 404 }, 'model_not_found'],
    ['without the method', { status: 405 }, 'model_not_found'],
    ['somewhere else', { status: 302, headers: { location: '/x' } }, 'upstream_invalid_answer'],
    ['silent', 'silence', 'first_token_timeout'],
  ])('when the first is %s', async (_name, answer, code) => {
    await start(answer === 'silence' ? { FALLBACK_ANSWER_TIMEOUT_SECONDS: '1' } : {})
    first.answer(answer)
    expect(await embed()).toMatchObject({
      status: 200,
      provider: 'second',
      attempts: `first=${code}, second=answered`,
      body: { ok: true },
    })
    expect(first.bodies).toEqual([asked])
    expect(second.bodies).toEqual([asked])
  })

  it('when the first cannot be reached, however much is sent', async () => {
    await start({ FALLBACK_API_URL_1: nowhere })
    const body = Buffer.alloc(6 * 1024 * 1024, 'x')
    expect(await embed(body)).toMatchObject({ status: 200, provider: 'second' })
    expect(second.bodies[0]?.length).toBe(body.length)
  })

  it('in the order of PROVIDER_ORDER', async () => {
    await start({ PROVIDER_ORDER: 'second' })
    expect(await embed()).toMatchObject({ provider: 'second', attempts: null })
    expect(first.bodies).toEqual([])
  })
})

describe('nobody else is asked', () => {
  it.each([400, 413, 422])('after a %d, which is the caller’s', async (status) => {
    await start()
    first.answer({ status, body: '{"error":{"message":"bad"}}' })
    expect(await embed()).toMatchObject({
      status,
      provider: 'first',
      attempts: null,
      body: { error: { message: 'bad' } },
    })
    expect(second.bodies).toEqual([])
  })

  it('when more was sent than is kept: the answer is the first one’s own', async () => {
    await start()
    first.answer({ status: 503, body: '{"error":{"message":"later"}}' })
    expect(await embed(Buffer.alloc(6 * 1024 * 1024, 'x'))).toMatchObject({
      status: 503,
      attempts: 'first=upstream_error',
      body: { error: { message: 'later' } },
    })
    expect(second.bodies).toEqual([])
  })

  it('when one is named for it', async () => {
    await start({ PASSTHROUGH_PROVIDER: 'first' })
    first.answer({ status: 503 })
    expect(await embed()).toMatchObject({ status: 503, provider: 'first' })
    expect(second.bodies).toEqual([])
  })
})

describe('when nobody has an answer', () => {
  it('the first one’s is given, with its own words and wait', async () => {
    await start()
    first.answer({
      status: 429,
      headers: { 'retry-after': '7' },
      body: '{"error":{"message":"slow down"}}',
    })
    second.answer({ status: 500 })
    const answer = await embed()
    expect(answer).toMatchObject({
      status: 429,
      provider: 'first',
      attempts: 'first=rate_limit_exceeded, second=upstream_error',
      body: { error: { message: 'slow down' } },
    })
    expect(answer.headers.get('retry-after')).toBe('7')
  })

  it('and there was none at all, the error says who failed how', async () => {
    await start({ FALLBACK_API_URL_1: nowhere, FALLBACK_API_URL_2: nowhere })
    const answer = await embed()
    expect(answer).toMatchObject({
      status: 502,
      attempts: 'first=upstream_error, second=upstream_error',
      body: { error: { code: 'upstream_error' } },
    })
  })
})

describe('a provider of what is not a turn', () => {
  it('is asked again within the budget of repetitions', async () => {
    await start({ RETRIES: '1' })
    first.answer({ status: 500 }, { status: 200 })
    expect(await embed()).toMatchObject({
      status: 200,
      provider: 'first',
      attempts: 'first=upstream_error, first=answered',
    })
    expect(first.bodies).toEqual([asked, asked])
  })

  it('rests after failures, for this endpoint alone, which /ready and the metrics show', async () => {
    const { url } = await start({ BREAKER_FAILURES: '2', BREAKER_REST_SECONDS: '600' })
    first.answer({ status: 500 })
    await embed()
    await embed()
    expect(await embed()).toMatchObject({
      provider: 'second',
      attempts: 'first=resting',
    })
    expect(first.bodies).toHaveLength(2)
    const ready = (await (await fetch(`${url}/ready`)).json()) as Record<string, unknown>
    expect(ready).toMatchObject({
      endpoints: [{ name: 'first/embeddings', state: 'open', code: 'upstream_error' }],
      providers: [{ name: 'claude-code' }, { name: 'first', state: 'closed' }, { name: 'second' }],
    })
    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(metrics).toContain('provider_state{provider="first/embeddings",state="open"} 1')
    first.answer({ status: 200 })
    const other = await fetch(`${url}/v1/moderations`, { method: 'POST', body: '{}' })
    expect(other.headers.get('x-provider')).toBe('first')
  })
})
