import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScriptedOpenAI, startScriptedOpenAI } from '../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { begin, ended, linesOf } from './support.ts'

type Case = { endpoint: string; asked: Record<string, unknown>[]; answer: Record<string, unknown> }

const cases: Case[] = [
  {
    endpoint: '/v1/embeddings',
    asked: ['one', 'two'].map((input) => ({ model: 'small', input })),
    answer: {
      object: 'list',
      data: [{ embedding: [1] }],
      usage: { prompt_tokens: 3, total_tokens: 3 },
    },
  },
  {
    endpoint: '/v1/moderations',
    asked: ['kind', 'unkind'].map((input) => ({ model: 'omni-moderation-latest', input })),
    answer: { id: 'modr-1', model: 'omni', results: [{ flagged: false }] },
  },
  {
    endpoint: '/v1/images/generations',
    asked: ['a cat', 'a dog'].map((prompt) => ({ model: 'painter', prompt, n: 1 })),
    answer: { created: 1, data: [{ b64_json: 'eA=='.repeat(50_000) }] },
  },
  {
    endpoint: '/v1/rerank',
    asked: ['first', 'second'].map((query) => ({ model: 'r', query, documents: ['a', 'b'] })),
    answer: { results: [{ index: 1, relevance_score: 0.5 }] },
  },
]

const linesFor = ({ endpoint, asked }: Case) =>
  asked.map((body, index) => ({
    custom_id: `line-${index}`,
    method: 'POST',
    url: endpoint,
    body,
  }))

const endpointOf = ({ endpoint }: Case) => ({ endpoint }) as Parameters<typeof begin>[2]

describe('lines that ask what is passed on to another API', { timeout: 60_000 }, () => {
  let vendor: ScriptedOpenAI
  let server: TestServer
  beforeAll(async () => {
    vendor = await startScriptedOpenAI()
    server = await startTestServer({
      FALLBACK_API_NAME_1: 'vendor',
      FALLBACK_API_URL_1: `${vendor.url}/v1`,
    })
  })
  afterAll(async () => {
    await server.close()
    await vendor[Symbol.asyncDispose]()
  })

  it.each(cases)('$endpoint', async (one) => {
    vendor.answer({ type: 'plain', body: one.answer })
    const before = vendor.received.length
    const { id } = await begin(server.client, linesFor(one), endpointOf(one))
    const done = await ended(server.client, id)
    expect(done).toMatchObject({
      status: 'completed',
      endpoint: one.endpoint,
      request_counts: { total: 2, completed: 2, failed: 0 },
    })
    const seen = vendor.received.slice(before).map(({ path, body }) => [path, body])
    expect(seen).toHaveLength(2)
    expect(seen).toEqual(expect.arrayContaining(one.asked.map((body) => [one.endpoint, body])))
    const answers = await linesOf(server.client, done.output_file_id)
    expect(answers.map(({ custom_id: line, response }) => [line, response?.body])).toEqual([
      ['line-0', one.answer],
      ['line-1', one.answer],
    ])
  })

  it('are slowed down by its 429, and fail with what it refuses', async () => {
    const [, moderations] = cases
    if (moderations === undefined) expect.unreachable()
    const busy = { type: 'status', status: 429, headers: { 'retry-after': '1' } } as const
    const refused = {
      type: 'status',
      status: 400,
      body: { error: { message: 'No.', type: 'invalid_request_error', code: 'bad', param: null } },
    } as const
    vendor.answer(busy, { type: 'plain', body: moderations.answer }, refused)
    const { id } = await begin(server.client, linesFor(moderations), endpointOf(moderations))
    const done = await ended(server.client, id)
    expect(done.request_counts).toEqual({ total: 2, completed: 1, failed: 1 })
    const [failure] = await linesOf(server.client, done.error_file_id)
    expect(failure).toMatchObject({
      error: null,
      response: { status_code: 400, body: { error: { message: 'No.' } } },
    })
  })
})
