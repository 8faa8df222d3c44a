import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AzureOpenAI, toFile } from 'openai'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { failure } from './support.ts'

type Seen = { path: string; headers: IncomingMessage['headers']; body: string }

/** A vendor that has everything but chat; `respond` answers. */
let vendor: Server
let url: string
let seen: Seen[]
let respond: (request: IncomingMessage, response: ServerResponse, body: string) => void
let server: TestServer

beforeAll(async () => {
  vendor = createServer((request, response) => {
    void (async () => {
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece as Buffer)
      const body = Buffer.concat(pieces).toString('latin1')
      seen.push({ path: request.url ?? '', headers: request.headers, body })
      respond(request, response, body)
    })().catch(() => response.destroy())
  })
  vendor.listen(0, '127.0.0.1')
  await once(vendor, 'listening')
  url = `http://127.0.0.1:${(vendor.address() as { port: number }).port}/v1`
  server = await startTestServer({
    CLAUDE_PATH: '/nowhere/claude',
    API_KEY: 'key-of-the-caller',
    BODY_LIMIT_MB: '2',
    FALLBACK_API_NAME_1: 'vendor',
    FALLBACK_API_URL_1: url,
    FALLBACK_API_KEY_1: 'sk-of-the-server',
  })
})
afterAll(async () => {
  await server.close()
  vendor.closeAllConnections()
  vendor.close()
})
beforeEach(() => {
  seen = []
})
afterEach(() => {
  respond = (_request, response) => response.writeHead(404).end()
})

function answersJson(value: unknown, status = 200, headers: Record<string, string> = {}): void {
  respond = (_request, response) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'set-cookie': 'a=b',
      'access-control-allow-origin': '*',
      ...headers,
    })
    response.end(JSON.stringify(value))
  }
}

function post(
  path: string,
  init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> },
): Promise<Response> {
  return fetch(`${server.url}${path}`, {
    method: 'POST',
    ...init,
    headers: { authorization: 'Bearer key-of-the-caller', ...init.headers },
  })
}

describe('what is not a turn', () => {
  it('goes to the provider as it came, with its key and not the caller’s', async () => {
    answersJson({ object: 'list', data: [{ embedding: [0.5] }], model: 'e', vendor: 1 })
    const answer = await server.client.embeddings.create({
      model: 'text-embedding-3-small',
      input: 'x',
      encoding_format: 'float',
    })
    expect(answer).toMatchObject({ data: [{ embedding: [0.5] }], vendor: 1 })
    expect(seen[0]).toMatchObject({
      path: '/v1/embeddings',
      headers: { authorization: 'Bearer sk-of-the-server' },
    })
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      model: 'text-embedding-3-small',
      input: 'x',
      encoding_format: 'float',
    })
    expect(JSON.stringify(seen[0]?.headers)).not.toContain('key-of-the-caller')
  })

  it('may be a form with a file, and the answer may be sound', async () => {
    answersJson({ text: 'heard' })
    const file = await toFile(Buffer.from('RIFF....'), 'a.wav')
    const heard = await server.client.audio.transcriptions.create({ model: 'whisper-1', file })
    expect(heard.text).toBe('heard')
    expect(seen[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
    expect(seen[0]?.body).toContain('RIFF....')
    const sound = Buffer.from([0, 255, 1, 254])
    respond = (_request, response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' }).end(sound)
    }
    const spoken = await server.client.audio.speech.create({
      model: 'tts-1',
      voice: 'alloy',
      input: 'Hello',
    })
    expect(Buffer.from(await spoken.arrayBuffer())).toEqual(sound)
    expect(spoken.headers.get('x-provider')).toBe('vendor')
  })

  it('of a deployment of Azure’s has it as its model', async () => {
    answersJson({ object: 'list', data: [{ embedding: [0.5] }] })
    const client = new AzureOpenAI({
      endpoint: server.url,
      deployment: 'text-embedding-3-small',
      apiKey: 'key-of-the-caller',
      apiVersion: '2024-10-21',
      maxRetries: 0,
    })
    const request = { model: 'other', input: 'ü', encoding_format: 'float' } as const
    await client.embeddings.create(request)
    expect(seen[0]?.path).toBe('/v1/embeddings')
    const sent = Buffer.from(seen[0]?.body ?? '', 'latin1')
    expect(seen[0]?.headers['content-length']).toBe(String(sent.length))
    expect(JSON.parse(sent.toString())).toEqual({ ...request, model: 'text-embedding-3-small' })
    const file = await toFile(Buffer.from('RIFF....'), 'a.wav')
    await client.audio.transcriptions.create({ model: 'whisper-1', file })
    expect(seen[1]?.path).toBe('/v1/audio/transcriptions')
    expect(seen[1]?.body).toContain('RIFF....')
  })

  it.each(['/v1/images/generations', '/v1/moderations', '/v1/rerank?x=1'])(
    'includes %s',
    async (path) => {
      answersJson({ ok: true })
      const response = await post(path, {
        body: '{"a":1}',
        headers: { 'content-type': 'application/json' },
      })
      expect(await response.json()).toEqual({ ok: true })
      expect(seen[0]?.path).toBe(path)
    },
  )

  it('comes back with the provider’s status and error, and only with headers that are the caller’s business', async () => {
    answersJson({ error: { message: 'bad', param: 'input' } }, 400, {
      'x-ratelimit-limit-requests': '5',
    })
    const response = await post('/v1/embeddings', { body: '{}' })
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({ error: { message: 'bad', param: 'input' } })
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('5')
    expect(response.headers.get('set-cookie')).toBeNull()
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
  })

  it('says nothing of the provider’s words about this server’s key', async () => {
    answersJson({ error: { message: 'Incorrect API key sk-of-the-server' } }, 401)
    const error = await failure(server.client.embeddings.create({ model: 'e', input: 'x' }))
    expect(error).toMatchObject({ status: 502, code: 'upstream_unauthorized' })
    expect(error.message).not.toContain('sk-of')
  })

  it('needs the caller’s key', async () => {
    const response = await fetch(`${server.url}/v1/embeddings`, { method: 'POST', body: '{}' })
    expect(response.status).toBe(401)
    expect(seen).toEqual([])
  })

  it('is refused when it is larger than the limit, announced or not', async () => {
    const bytes = new Uint8Array(3 * 1024 * 1024)
    expect((await post('/v1/images/edits', { body: bytes })).status).toBe(413)
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes)
        controller.close()
      },
    })
    const init = { body, duplex: 'half' } as Omit<RequestInit, 'headers'>
    const response = await post('/v1/images/edits', init).catch(() => undefined)
    if (response) expect(response.status).toBe(413)
    expect(seen).toEqual([])
  })

  it('streams, and an answer that breaks off does not look finished', async () => {
    respond = (_request, response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': '10' })
      response.write('abc', () => setTimeout(() => response.destroy(), 20))
    }
    const response = await post('/v1/audio/speech', { body: '{}' })
    await expect(response.arrayBuffer()).rejects.toThrow()
  })

  it('ends at the provider when the caller leaves', async () => {
    const left = new Promise<void>((resolve) => {
      respond = (_request, response) => {
        response.once('close', resolve)
      }
    })
    const caller = new AbortController()
    const asked = post('/v1/embeddings', { body: '{}', signal: caller.signal })
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    caller.abort()
    await expect(asked).rejects.toThrow()
    await left
  })
})

describe('who gets it', () => {
  it('is the provider that is named for it', async () => {
    await using other = await startTestServer({
      CLAUDE_PATH: '/nowhere/claude',
      FALLBACK_API_URL_1: 'http://no-such-host.invalid',
      FALLBACK_API_NAME_2: 'vendor',
      FALLBACK_API_URL_2: url,
      PASSTHROUGH_PROVIDER: 'vendor',
    })
    answersJson({ ok: true })
    const response = await fetch(`${other.url}/v1/rerank`, { method: 'POST', body: '{}' })
    expect(response.headers.get('x-provider')).toBe('vendor')
  })

  it('is nobody without one: a 404 that says so', async () => {
    await using alone = await startTestServer({ CLAUDE_PATH: '/nowhere/claude' })
    const error = await failure(alone.client.embeddings.create({ model: 'e', input: 'x' }))
    expect(error).toMatchObject({ status: 404, code: 'unknown_url' })
    expect(error.message).toMatch(/PASSTHROUGH_PROVIDER/)
  })
})
