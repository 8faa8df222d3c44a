import { request as httpRequest } from 'node:http'
import OpenAI from 'openai'
import { afterEach, describe, expect, it } from 'vitest'
import { hello, says, serve, type TestOptions, type TestServer } from './server.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function start(options?: TestOptions): Promise<TestServer> {
  server = await serve(() => says('x'), options)
  return server
}

const request = { model: 'sonnet', messages: hello }

type Answer = { status: number; headers: Record<string, unknown>; body: string }

/** A request with headers that `fetch` does not let through (`Host`, `Origin`, `Sec-Fetch-Site`). */
function raw(
  url: string,
  path: string,
  headers: Record<string, string>,
  method = 'GET',
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`${url}${path}`, { method, headers }, (incoming) => {
      let text = ''
      incoming.on('data', (bytes: Buffer) => (text += bytes.toString()))
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

describe('with a key', () => {
  it.each([
    ['authorization', 'Bearer s3cret'],
    ['authorization', 'bearer s3cret'],
    ['api-key', 's3cret'],
    ['x-api-key', 's3cret'],
  ])('%s: %s is let in', async (name, value) => {
    const { post, backend } = await start({ apiKey: 's3cret' })
    expect((await post(request, { [name]: value })).status).toBe(200)
    expect(backend.runs[0]?.context.owner).toMatch(/^key-[\da-f]{16}$/)
  })

  it.each([
    ['none', {}],
    ['a wrong one', { authorization: 'Bearer wrong' }],
    ['the right one without Bearer', { authorization: 's3cret' }],
    ['a part of it', { 'api-key': 's3cre' }],
  ])('%s gets the 401 of OpenAI', async (_name, headers) => {
    const { post, backend } = await start({ apiKey: 's3cret' })
    const response = await post(request, headers)
    expect(response.status).toBe(401)
    expect(await response.json()).toEqual({
      error: {
        message: expect.any(String),
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      },
    })
    expect(response.headers.get('x-request-id')).toBeTruthy()
    expect(backend.runs).toEqual([])
  })

  it('is taken from the header that Azure clients send', async () => {
    const { azure } = await start({ apiKey: 's3cret' })
    expect((await azure.models.list()).data[0]?.id).toBe('claude-code')
  })

  it('is refused with the class that clients know', async () => {
    const { url } = await start({ apiKey: 's3cret' })
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'wrong', maxRetries: 0 })
    await expect(client.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
  })

  it('leaves only /health and /ready open, and preflights and HEAD of the start page', async () => {
    const { fetch } = await start({ apiKey: 's3cret' })
    const status = async (path: string, method = 'GET'): Promise<number> =>
      (await fetch(path, { method })).status
    expect(await status('/health')).toBe(200)
    for (const path of ['/', '/metrics', '/v1/models', '/v1/models/claude-code', '/nowhere']) {
      expect([path, await status(path)]).toEqual([path, 401])
    }
    expect(await status('/', 'HEAD')).toBe(200)
    const wrong = { headers: { authorization: 'Bearer wrong' } }
    expect((await fetch('/ready', wrong)).status).toBe(401)
    expect(await status('/v1/chat/completions', 'OPTIONS')).toBe(204)
  })
})

describe('/ready', () => {
  it.each([
    [true, 200, 'ready'],
    [false, 503, 'not_ready'],
  ])('tells whoever has no key only whether it is: %s', async (ready, code, status) => {
    const { fetch } = await start({
      apiKey: 's3cret',
      readiness: async () => ({ ready, reasons: ['Why.'], version: '9' }),
    })
    const probed = await fetch('/ready')
    expect([probed.status, await probed.json()]).toEqual([code, { status }])
    const whole = await fetch('/ready', { headers: { authorization: 'Bearer s3cret' } })
    expect([whole.status, await whole.json()]).toEqual([
      code,
      { status, reasons: ['Why.'], version: '9' },
    ])
  })
})

describe('a web page', () => {
  it.each([
    'evil.example',
    'evil.example:8082',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '[::2]',
    '8.8.8.8',
    'a b',
  ])('cannot come by the name %s (DNS rebinding)', async (host) => {
    const { url } = await start()
    const answer = await raw(url, '/v1/models', { host })
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'host_not_allowed' } })
  })

  it.each([
    'localhost',
    'LOCALHOST:1',
    'app.localhost:3000',
    '127.0.0.1',
    '127.1.2.3:80',
    '[::1]:8082',
    'claude.internal',
    'box:99',
  ])('is not what comes by the name %s', async (host) => {
    const { url } = await start({ host: 'box', allowedHosts: ['claude.internal'] })
    expect((await raw(url, '/v1/models', { host })).status).toBe(200)
  })

  it('cannot have an address as its name, so a server on every address takes them all', async () => {
    const { url } = await start({ host: '0.0.0.0' })
    expect((await raw(url, '/v1/models', { host: '192.168.1.5:8082' })).status).toBe(200)
    expect((await raw(url, '/v1/models', { host: 'evil.example' })).status).toBe(403)
  })

  const json = { 'content-type': 'application/json' }
  it.each<[string, Record<string, string>]>([
    ['another origin', { ...json, origin: 'https://evil.example' }],
    ['another port of this machine', { ...json, origin: 'http://localhost:3000' }],
    ['an opaque origin', { ...json, origin: 'null' }],
    ['a cross-site request without an origin', { ...json, 'sec-fetch-site': 'cross-site' }],
    ['a form', { origin: 'https://evil.example', 'content-type': 'text/plain' }],
  ])('of another site cannot post: %s', async (_name, headers) => {
    const { url, backend } = await start()
    const answer = await raw(url, '/v1/chat/completions', headers, 'POST', JSON.stringify(request))
    expect(answer.status).toBe(403)
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    expect(backend.runs).toEqual([])
  })

  it('of the same origin can', async () => {
    const { url } = await start()
    const headers = { ...json, origin: url, 'sec-fetch-site': 'same-origin' }
    expect(
      (await raw(url, '/v1/chat/completions', headers, 'POST', JSON.stringify(request))).status,
    ).toBe(200)
  })

  it('of another site may link to us', async () => {
    const { url } = await start()
    const headers = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    }
    expect((await raw(url, '/', headers)).status).toBe(200)
    expect((await raw(url, '/', { ...headers, 'sec-fetch-dest': 'iframe' })).status).toBe(403)
  })
})

describe('an origin in CORS_ORIGINS', () => {
  const origin = 'https://app.example'

  it('may call, and read our headers', async () => {
    const { url } = await start({ corsOrigins: [origin] })
    const headers = { origin, 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' }
    for (const stream of [false, true]) {
      const answer = await raw(
        url,
        '/v1/chat/completions',
        headers,
        'POST',
        JSON.stringify({ ...request, stream }),
      )
      expect(answer).toMatchObject({
        status: 200,
        headers: {
          'access-control-allow-origin': origin,
          'access-control-expose-headers': expect.stringContaining('x-request-id'),
          vary: 'Origin',
        },
      })
    }
  })

  it('gets its preflight answered without a key, the asked headers echoed', async () => {
    const { url } = await start({ corsOrigins: [origin], apiKey: 's3cret' })
    const answer = await raw(
      url,
      '/v1/chat/completions',
      {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-stainless-os',
      },
      'OPTIONS',
    )
    expect(answer).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-headers': 'authorization,x-stainless-os',
        'access-control-allow-methods': 'GET, HEAD, POST, PATCH, DELETE',
      },
    })
  })

  it('can read errors too', async () => {
    const { url } = await start({ corsOrigins: ['*'], apiKey: 's3cret' })
    const answer = await raw(url, '/v1/models', { origin })
    expect(answer).toMatchObject({
      status: 401,
      headers: { 'access-control-allow-origin': origin },
    })
  })
})

describe('x-request-id', () => {
  it("is the caller's own when it is harmless, else a new one", async () => {
    const { fetch } = await start()
    const id = async (value: string): Promise<string | null> =>
      (await fetch('/health', { headers: { 'x-request-id': value } })).headers.get('x-request-id')
    expect(await id('trace-1.a:b_c')).toBe('trace-1.a:b_c')
    for (const odd of ['../../etc', 'a b', 'x'.repeat(129)]) expect(await id(odd)).toMatch(/^req_/)
  })
})
