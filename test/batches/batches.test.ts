import type { OpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../api/server/support.ts'
import { clientWith, makeKey } from '../keys/support.ts'
import { conversation, fails, says, stalls } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { asking, begin, ended, linesOf, textOf } from './support.ts'

let server: TestServer
let client: OpenAI
let other: OpenAI
const dataKey = 'a-key-for-tests-only'

beforeAll(async () => {
  server = await startTestServer({ DATA_KEY: dataKey, MAX_TURNS: '4' })
  const keys = { ...server, dataDir: server.dataDir, dataKey }
  client = clientWith(server, (await makeKey(keys)).text)
  other = clientWith(server, (await makeKey(keys)).text)
})
afterAll(() => server.close())

/** The model repeats the question. */
function echo(): void {
  server.anthropic.respond = (request) =>
    says(`Answer to ${JSON.stringify(conversation(request).at(-1))}`)
}

describe('/v1/batches with the openai client', { timeout: 90_000 }, () => {
  it('asks responses too, and counts what they have used', async () => {
    echo()
    const lines = ['one', 'two'].map((id) => ({
      ...asking(id),
      url: '/v1/responses',
      body: { model: 'claude-code', input: `Question ${id}` },
    }))
    const done = await ended(client, (await begin(client, lines, { endpoint: '/v1/responses' })).id)
    expect(done.request_counts).toEqual({ total: 2, completed: 2, failed: 0 })
    expect(done.usage?.input_tokens).toBeGreaterThan(0)
    expect(done.usage?.output_tokens).toBeGreaterThan(0)
    const answers = await linesOf(client, done.output_file_id)
    for (const { custom_id: id, response } of answers) {
      expect(response?.body).toMatchObject({ object: 'response', status: 'completed' })
      expect(JSON.stringify(response?.body)).toContain(`Question ${id}`)
    }
  })

  it('answers every line once, and files failures apart', async () => {
    echo()
    const ids = Array.from({ length: 12 }, (_, index) => `line-${index}`)
    const lines = ids.map((id) => asking(id))
    lines.splice(5, 0, asking('wrong', 'x', { temperature: 'hot' }))
    const batch = await begin(client, lines, { metadata: { of: 'tests' } })
    expect(batch).toMatchObject({
      object: 'batch',
      status: 'validating',
      completion_window: '24h',
      metadata: { of: 'tests' },
      request_counts: { total: 0, completed: 0, failed: 0 },
      output_file_id: null,
    })
    expect(batch.expires_at).toBe(batch.created_at + 86_400)
    const done = await ended(client, batch.id)
    expect(done).toMatchObject({
      status: 'completed',
      request_counts: { total: 13, completed: 12, failed: 1 },
    })
    expect(done.usage?.output_tokens).toBeGreaterThan(0)
    for (const time of [done.in_progress_at, done.finalizing_at, done.completed_at])
      expect(time).toBeGreaterThanOrEqual(batch.created_at)
    const answers = await linesOf(client, done.output_file_id)
    expect(answers.map(({ custom_id: id }) => id)).toEqual(ids)
    for (const answer of answers) {
      expect(answer).toMatchObject({ error: null, response: { status_code: 200 } })
      expect(textOf(answer)).toContain(`Question ${answer.custom_id}`)
    }
    const [failure, ...more] = await linesOf(client, done.error_file_id)
    expect(more).toEqual([])
    expect(failure).toMatchObject({
      custom_id: 'wrong',
      response: { status_code: 400, body: { error: { param: 'temperature' } } },
    })
    expect(await client.files.retrieve(done.output_file_id ?? '')).toMatchObject({
      purpose: 'batch_output',
      filename: `${batch.id}_output.jsonl`,
    })
  })

  it('names the lines that are wrong, and asks none', async () => {
    const asked = server.anthropic.requests.length
    const { custom_id: _id, ...nameless } = asking('x')
    const lines = [
      asking('a'),
      nameless,
      asking('a'),
      { ...asking('b'), method: 'GET' },
      { ...asking('c'), url: '/v1/embeddings' },
      asking('d', 'x', { stream: true }),
      { ...asking('e'), body: 'x' },
    ]
    const text = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n\nnot json\n[1]`
    const batch = await ended(client, (await begin(client, text)).id)
    expect(batch).toMatchObject({ status: 'failed', output_file_id: null })
    expect(batch.failed_at).toBeGreaterThan(0)
    expect(batch.errors?.data?.map(({ line, code, param }) => [line, code, param])).toEqual([
      [2, 'missing_required_parameter', 'custom_id'],
      [3, 'duplicate_custom_id', 'custom_id'],
      [4, 'invalid_value', 'method'],
      [5, 'mismatched_endpoint', 'url'],
      [6, 'invalid_value', 'body.stream'],
      [7, 'invalid_value', 'body'],
      [9, 'invalid_json_line', null],
      [10, 'invalid_json_line', null],
    ])
    expect(batch.errors?.data?.[1]?.message).toContain('line 1')
    const empty = await ended(client, (await begin(client, '\n \n')).id)
    expect(empty.errors?.data).toMatchObject([{ code: 'empty_file' }])
    expect(server.anthropic.requests.length).toBe(asked)
  })

  it('lists page by page, newest first, and shows nobody what is another’s', async () => {
    echo()
    const ids: string[] = []
    for (const id of ['p', 'q', 'r']) ids.push((await begin(client, [asking(id)])).id)
    const listed: string[] = []
    for await (const { id } of client.batches.list({ limit: 2 })) listed.push(id)
    expect(listed.slice(0, 3)).toEqual(ids.toReversed())
    expect((await other.batches.list()).data).toEqual([])
    for (const attempt of [
      () => other.batches.retrieve(ids[0] ?? ''),
      () => other.batches.cancel(ids[0] ?? ''),
    ])
      await expect(attempt()).rejects.toMatchObject({ status: 404, code: 'batch_not_found' })
    for (const id of ids) await ended(client, id)
  })

  it('cancels: what runs is answered, the rest is not asked', async () => {
    let isHeld = true
    server.anthropic.respond = async () => {
      await until('it may go on', () => !isHeld, 30_000)
      return says('Late.')
    }
    const batch = await begin(
      client,
      Array.from({ length: 20 }, (_, index) => asking(`c${index}`)),
    )
    await until('it runs', async () => {
      const { status } = await client.batches.retrieve(batch.id)
      return status === 'in_progress' && server.anthropic.requests.length > 0
    })
    expect(await client.batches.cancel(batch.id)).toMatchObject({ status: 'cancelling' })
    isHeld = false
    const done = await ended(client, batch.id)
    expect(done.status).toBe('cancelled')
    const { completed = 0, total } = done.request_counts ?? {}
    expect(total).toBe(20)
    expect(completed).toBeLessThan(20)
    expect(await linesOf(client, done.output_file_id)).toHaveLength(completed)
    const rest = await linesOf(client, done.error_file_id)
    expect(rest).toHaveLength(20 - completed)
    expect(rest[0]).toMatchObject({ response: null, error: { code: 'batch_cancelled' } })
    expect(await client.batches.cancel(batch.id)).toMatchObject({ status: 'cancelled' })
  })

  it('refuses what is no batch, with the field', async () => {
    const file = await client.files.create({
      file: new File(['x'], 'x.txt'),
      purpose: 'user_data',
    })
    const create = (change: Record<string, unknown>) =>
      client.batches.create({
        input_file_id: file.id,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
        ...change,
      })
    for (const [change, param] of [
      [{}, 'input_file_id'],
      [{ input_file_id: 'file-none' }, 'input_file_id'],
      [{ input_file_id: undefined }, 'input_file_id'],
      [{ endpoint: '/v1/models' }, 'endpoint'],
      [{ completion_window: '1h' }, 'completion_window'],
      [{ metadata: { a: 1 } }, 'metadata.a'],
      [
        { output_expires_after: { anchor: 'created_at', seconds: 1 } },
        'output_expires_after.seconds',
      ],
    ] as const)
      await expect(create(change)).rejects.toMatchObject({ status: 400, param })
  })

  it('slows down where it is throttled, and fails no line for it', async () => {
    let refusals = 3
    server.anthropic.respond = () =>
      refusals-- > 0
        ? fails(429, 'rate_limit_error', 'Slow down.', { 'retry-after': '1' })
        : says('Now.')
    const lines = Array.from({ length: 6 }, (_, index) => asking(`t${index}`, `Throttled ${index}`))
    const done = await ended(client, (await begin(client, lines)).id)
    expect(done).toMatchObject({
      status: 'completed',
      request_counts: { total: 6, completed: 6, failed: 0 },
    })
    expect(refusals).toBeLessThan(0)
  })

  it('leaves a place to live requests', async () => {
    server.anthropic.respond = ({ body }) =>
      JSON.stringify(body.messages).includes('Slow') ? stalls() : says('Live.')
    const lines = Array.from({ length: 8 }, (_, index) => asking(`s${index}`, `Slow ${index}`))
    const asked = server.anthropic.requests.length
    const batch = await begin(client, lines)
    await until('lines run', () => server.anthropic.requests.length >= asked + 3, 30_000)
    const answer = await other.chat.completions.create({
      model: 'claude-code',
      messages: [{ role: 'user', content: 'Are you there?' }],
    })
    expect(answer.choices[0]?.message.content).toBe('Live.')
    expect(server.anthropic.requests.length).toBe(asked + 4)
    await client.batches.cancel(batch.id)
  })
})
