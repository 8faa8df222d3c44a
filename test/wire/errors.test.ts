import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeError } from '../../src/dialects/openai-chat/error.ts'
import { errorTable, type ErrorCode, TurnError } from '../../src/turn/error.ts'
import { says, serve, type TestServer } from '../http/server.ts'
import { openAIDocument } from '../support/openai-document.ts'
import { problemsOfError } from './frames.ts'

function problems(body: unknown): string[] {
  return [...problemsOfError(body), ...(openAIDocument()?.problems('ErrorResponse', body) ?? [])]
}

describe('an error has all four fields', () => {
  it.each(Object.keys(errorTable))('of code %s', (code) => {
    for (const param of ['messages', undefined]) {
      const options = param === undefined ? {} : { param }
      const error = encodeError(new TurnError(code as ErrorCode, 'Words.', options))
      expect(problems(error)).toEqual([])
    }
  })
})

const json = { 'content-type': 'application/json' }
const key = { authorization: 'Bearer key' }
const body = JSON.stringify({ model: 'sonnet', messages: [{ role: 'user', content: 'Hello' }] })

describe('what is refused before anybody reads it', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serve(() => says('x'), { apiKey: 'key', bodyLimitBytes: 1_000 })
  })
  afterAll(() => server.close())

  it.each<[string, number, string, RequestInit]>([
    ['without a key', 401, '/v1/models', {}],
    ['with another key', 401, '/v1/models', { headers: { authorization: 'Bearer x' } }],
    ['for another host', 403, '/v1/models', { headers: { ...key, origin: 'http://evil.test' } }],
    ['at an address that is none', 404, '/v1/nothing', { headers: key }],
    ['at one that is no path', 404, '/v1/models/%', { headers: key }],
    ['without /v1', 404, '/chat/completions', { method: 'POST', headers: key }],
    ['in Ollama’s words', 404, '/api/chat', { method: 'POST', headers: key }],
    ['of a model that is not listed', 404, '/v1/models/none', { headers: key }],
    ['with another method', 405, '/v1/chat/completions', { method: 'DELETE', headers: key }],
    ['in another type', 415, '/v1/completions', { method: 'POST', headers: key, body }],
    [
      'larger than it may be',
      413,
      '/v1/chat/completions',
      { method: 'POST', headers: { ...json, ...key }, body: JSON.stringify('x'.repeat(2_000)) },
    ],
    [
      'that is no JSON',
      400,
      '/v1/responses',
      { method: 'POST', headers: { ...json, ...key }, body: '{' },
    ],
    [
      'that is nothing',
      400,
      '/v1/chat/completions',
      { method: 'POST', headers: { ...json, ...key } },
    ],
    [
      'nested deeper than anybody nests',
      400,
      '/v1/chat/completions',
      { method: 'POST', headers: { ...json, ...key }, body: '['.repeat(200) + ']'.repeat(200) },
    ],
  ])('%s: %i', async (_what, status, path, init) => {
    const response = await server.fetch(path, init)
    expect(response.status).toBe(status)
    expect(problems(await response.json())).toEqual([])
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })
})
