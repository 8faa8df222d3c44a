import { readFile } from 'node:fs/promises'
import OpenAI, { AzureOpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask, failure, hello, post } from './support.ts'

const key = 'key-of-the-clients'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ API_KEY: key, HOST: '0.0.0.0' })
})
afterAll(() => server.close())

/** On every address there is, one of which is this machine's own. */
function local(): string {
  return `http://127.0.0.1:${new URL(server.url).port}`
}

describe('a server with API_KEY', () => {
  it.each([
    ['GET', '/', 401],
    ['GET', '/v1/models', 401],
    ['GET', '/v1/models/sonnet', 401],
    ['POST', '/v1/chat/completions', 401],
    ['GET', '/v1/nothing', 401],
    ['GET', '/health', 200],
  ])('answers %s %s without a key with %i', async (method, path, status) => {
    const response = await fetch(local() + path, { method })
    expect(response.status).toBe(status)
    if (status === 401) {
      expect(await response.json()).toMatchObject({
        error: { type: 'invalid_request_error', code: 'invalid_api_key', param: null },
      })
    }
  })

  it('tells whoever has no key only whether it is ready', async () => {
    const { status } = (await (await fetch(`${local()}/ready`)).json()) as { status: string }
    expect(['ready', 'not_ready']).toContain(status)
    const answers = await Promise.all([
      fetch(`${local()}/ready`),
      fetch(`${local()}/ready`, { headers: { 'api-key': key } }),
    ])
    const bodies = await Promise.all(answers.map((answer) => answer.json() as Promise<object>))
    expect(bodies.map((body) => 'capacity' in body)).toEqual([false, true])
    expect(Object.keys(bodies[0] ?? {})).toEqual(['status'])
  })

  it.each<[string, Record<string, string>, number]>([
    ['a bearer token', { authorization: `Bearer ${key}` }, 200],
    ['api-key', { 'api-key': key }, 200],
    ['x-api-key', { 'x-api-key': key }, 200],
    ['a wrong key', { authorization: `Bearer ${key}x` }, 401],
    ['the beginning of the key', { authorization: `Bearer ${key.slice(0, -1)}` }, 401],
    ['an empty key', { 'api-key': '' }, 401],
  ])('answers a request with %s', async (_name, headers, status) => {
    const response = await post(local(), { model: 'sonnet', messages: hello }, headers)
    expect(response.status).toBe(status)
  })

  it('is reached by the official clients, the one for Azure with its own header', async () => {
    const options = { baseURL: `${local()}/v1`, apiKey: key, maxRetries: 0 }
    expect((await ask(new OpenAI(options))).text).toBe('Hello from the scripted model.')
    // Its paths of deployments are not served yet; the others are.
    const apiVersion = '2024-10-21'
    const { data } = await new AzureOpenAI({ ...options, apiVersion }).models.list()
    expect(data[0]?.id).toBe('claude-code')
    const wrong = new AzureOpenAI({ ...options, apiKey: 'wrong', apiVersion })
    expect(await failure(wrong.models.list())).toBeInstanceOf(OpenAI.AuthenticationError)
  })

  it('asks no model for whom it does not know', async () => {
    const before = server.anthropic.requests.length
    await post(local(), { model: 'sonnet', messages: hello })
    expect(server.anthropic.requests.length).toBe(before)
  })

  it('makes no series of its metrics for paths that strangers write', async () => {
    const path = '/a-path-of-a-stranger'
    expect((await fetch(local() + path)).status).toBe(401)
    const metrics = await fetch(`${local()}/metrics`, {
      headers: { authorization: `Bearer ${key}` },
    })
    const text = await metrics.text()
    expect(text).toContain('http_route="unknown",http_response_status_code="401"')
    expect(text).not.toContain(path)
  })

  it('never gives its own key to the model, nor to Claude Code', async () => {
    await ask(new OpenAI({ baseURL: `${local()}/v1`, apiKey: key, maxRetries: 0 }))
    expect(JSON.stringify(server.anthropic.requests)).not.toContain(key)
    await expect.poll(() => server.processes(), { timeout: 10_000 }).not.toEqual([])
    for (const { pid } of await server.processes()) {
      const files = ['environ', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8'))
      expect((await Promise.all(files)).join()).not.toContain(key)
    }
  })
})
