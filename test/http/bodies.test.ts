import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hello, says, serve, type TestServer } from './server.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve(() => says('x'), { bodyLimitBytes: 200_000 })
})
afterAll(() => server.close())

const request = { model: 'sonnet', messages: hello }

async function refusal(
  body: unknown,
  headers?: Record<string, string>,
): Promise<[number, Record<string, unknown>]> {
  const response = await server.post(body, headers)
  const { error } = (await response.json()) as { error: Record<string, unknown> }
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type'])
  expect(response.headers.get('x-request-id')).toBeTruthy()
  return [response.status, error]
}

describe('a body', () => {
  it.each<[string, string | Uint8Array, number, string]>([
    ['that is not JSON', '{"messages":', 400, 'invalid_json'],
    ['that is empty', '', 400, 'invalid_type'],
    ['that is not UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 400, 'invalid_json'],
    ['with half a character', Uint8Array.of(0x22, 0xc3, 0x22), 400, 'invalid_json'],
    ['that is nested too deep', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, 400, 'invalid_value'],
    [
      'that is nested just too deep',
      `{"a":${'['.repeat(128)}${']'.repeat(128)}}`,
      400,
      'invalid_value',
    ],
    ['that is too large', `"${'x'.repeat(200_001)}"`, 413, 'request_too_large'],
    ['with a __proto__ key', '{"messages":[{"__proto__":{"x":1}}]}', 400, 'invalid_value'],
    ['with an escaped __proto__ key', '{"\\u005f_proto__":{"x":1}}', 400, 'invalid_value'],
    ['that is an array', '[]', 400, 'invalid_type'],
    ['that is null', 'null', 400, 'invalid_type'],
  ])('%s is refused', async (_name, body, status, code) => {
    expect(await refusal(body)).toMatchObject([status, { code, type: 'invalid_request_error' }])
    expect(server.faults).toEqual([])
  })

  it('much larger than the limit is refused in words, not by a broken connection', async () => {
    for (let count = 0; count < 5; count++) {
      expect(await refusal('x'.repeat(20_000_000))).toMatchObject([
        413,
        { code: 'request_too_large' },
      ])
    }
  })

  it('of another type is refused', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/jsonp',
      'application/json; charset=latin1',
    ]) {
      expect(await refusal(request, { 'content-type': type })).toMatchObject([
        415,
        { code: 'unsupported_media_type' },
      ])
    }
  })

  it('with a charset, a byte order mark or brackets in text is read', async () => {
    expect(
      (await server.post(request, { 'content-type': 'Application/JSON; charset="UTF-8"' })).status,
    ).toBe(200)
    expect((await server.post(`\ufeff${JSON.stringify(request)}`)).status).toBe(200)
    const text = `\\"${'['.repeat(500)}\\\\`
    expect((await server.post({ messages: [{ role: 'user', content: text }] })).status).toBe(200)
    expect(
      (
        await server.post(
          `{"a":${'['.repeat(127)}${']'.repeat(127)},"messages":[{"role":"user","content":"x"}]}`,
        )
      ).status,
    ).toBe(200)
  })

  it('may say __proto__ in text', async () => {
    expect((await server.post({ messages: [{ role: 'user', content: '__proto__' }] })).status).toBe(
      200,
    )
  })
})

describe('a path', () => {
  it('that is unknown is a 404, with a hint when only /v1 is missing', async () => {
    const response = await server.fetch('/chat/completions', { method: 'POST', body: 'x' })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({
      error: { code: 'unknown_url', message: expect.stringContaining('/v1/chat/completions?') },
    })
    expect((await server.fetch('/v1/nope')).status).toBe(404)
  })

  it.each([
    ['GET', '/v1/chat/completions', 'POST, OPTIONS'],
    ['HEAD', '/v1/chat/completions', 'POST, OPTIONS'],
    ['POST', '/v1/models', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/v1/models/claude-code', 'GET, HEAD, OPTIONS'],
  ])('does not know every method: %s %s', async (method, path, allow) => {
    const response = await server.fetch(path, { method, ...(method === 'POST' && { body: 'x' }) })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allow)
    if (method !== 'HEAD')
      expect(await response.json()).toMatchObject({ error: { code: 'method_not_allowed' } })
  })

  it('may end in a slash', async () => {
    expect((await server.fetch('/v1/models/')).status).toBe(200)
    const response = await server.fetch('/v1/chat/completions/', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    expect(response.status).toBe(200)
  })

  it('that is not valid is an error in the same shape', async () => {
    const response = await server.fetch('/%c0')
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'unknown_url', param: null } })
    expect(response.headers.get('x-request-id')).toBeTruthy()
  })

  it('in what is not HTTP is an error in the same shape', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.end('nonsense\r\n\r\n')
    let text = ''
    for await (const bytes of socket) text += String(bytes)
    expect(text).toMatch(
      /^HTTP\/1\.1 400 [^]*"error":\{"message":"The request is not valid HTTP\."/,
    )
  })
})

describe('models', () => {
  it('are listed and found by id, with slashes and brackets', async () => {
    const page = await server.client.models.list()
    expect(page.data.map(({ id }) => id)).toEqual(['claude-code', 'sonnet[1m]', 'vendor/model'])
    for (const id of ['sonnet[1m]', 'vendor/model']) {
      expect(await server.client.models.retrieve(id)).toMatchObject({
        id,
        object: 'model',
        owned_by: 'anthropic',
      })
    }
    expect((await server.fetch('/v1/models/vendor/model')).status).toBe(200)
    await expect(server.client.models.retrieve('nope')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
  })
})

describe('the small endpoints', () => {
  it('/health says that the process is alive', async () => {
    expect(await (await server.fetch('/health')).json()).toEqual({ status: 'ok' })
    expect((await server.fetch('/health', { method: 'HEAD' })).status).toBe(200)
  })

  it('/ready says why not', async () => {
    await using other = await serve(() => says('x'), {
      readiness: async () => ({
        ready: false,
        reasons: ['Claude Code is not logged in: run `claude login`.'],
      }),
    })
    const response = await other.fetch('/ready')
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({
      status: 'not_ready',
      reasons: ['Claude Code is not logged in: run `claude login`.'],
    })
    expect(await (await server.fetch('/ready')).json()).toEqual({ status: 'ready', reasons: [] })
  })

  it('/ is a page without scripts, or JSON when asked for', async () => {
    const page = await server.fetch('/', { headers: { accept: 'text/html,*/*' } })
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-/,
    )
    const html = await page.text()
    expect(html).toContain(`${server.url}/v1`)
    expect(html).not.toMatch(/<script|\son\w+=|https?:\/\/(?!127\.0\.0\.1)/)
    expect(html).not.toContain('Who answers')
    const json = await server.fetch('/', { headers: { accept: 'application/json' } })
    const { base_url: base, endpoints } = (await json.json()) as {
      base_url: string
      endpoints: string[]
    }
    expect(base).toBe(`${server.url}/v1`)
    expect(endpoints[0]).toBe('POST /v1/chat/completions')
    for (const endpoint of [
      'GET /v1/models/{id}',
      'POST /v1/files',
      'GET /v1/files/{id}/content',
      'POST /v1/batches/{id}/cancel',
      'PATCH /v1/sessions/{id}',
      'GET /health',
    ]) {
      expect(endpoints).toContain(endpoint)
      expect(html).toContain(endpoint)
    }
  })

  it('/ says who answers, and how each is', async () => {
    const until = '2026-11-28T12:00:00.000Z'
    await using other = await serve(() => says('x'), {
      readiness: async () => ({
        ready: true,
        reasons: [],
        providers: [
          { name: 'claude-code', state: 'closed' },
          { name: 'backup', state: 'open', code: 'upstream_error', until },
        ],
        endpoints: [{ name: 'other/embeddings', state: 'probing' }],
      }),
    })
    expect(await (await other.fetch('/')).text()).toContain(
      `claude-code is asked\nbackup failed and rests (upstream_error) until ${until}\nother/embeddings is being tried`,
    )
  })
})
