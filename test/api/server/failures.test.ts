import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  cutsAfter,
  fails,
  says,
  stalls,
  stallsAfter,
  stopsWith,
  streamError,
  type Step,
} from '../../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask, askStream, contentOf, failure, framesOf, hello, post, readAll } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    CLAUDE_CODE_MAX_RETRIES: '1',
    FIRST_TOKEN_TIMEOUT_SECONDS: '4',
    IDLE_TIMEOUT_SECONDS: '1',
  })
})
afterAll(() => server.close())

/** The model answers every request like this from now on, Claude Code's own repetitions included. */
function models(step: Step): void {
  server.anthropic.respond = () => step
}

const expectedAfterwards = 'Well again.'

/** The next request must find nothing of the failure. */
async function expectWell(): Promise<void> {
  models(says(expectedAfterwards))
  expect((await ask(server.client)).text).toBe(expectedAfterwards)
}

describe('a failure of the API behind Claude Code', () => {
  it.each<[string, Step, { status: number; code: string; param?: string }]>([
    [
      'a refused key',
      fails(401, 'authentication_error', 'invalid x-api-key'),
      { status: 503, code: 'claude_not_logged_in' },
    ],
    [
      'a prompt that is too long',
      fails(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
      { status: 400, code: 'context_length_exceeded', param: 'messages' },
    ],
    [
      'a refused request',
      fails(400, 'invalid_request_error', 'messages: what is this'),
      { status: 400, code: 'invalid_request' },
    ],
    [
      'a model that is not there',
      fails(404, 'not_found_error', 'model: claude-sonnet-5-5'),
      { status: 404, code: 'model_not_found', param: 'model' },
    ],
    [
      'no credit',
      fails(400, 'invalid_request_error', 'Your credit balance is too low to access the API.'),
      { status: 429, code: 'insufficient_quota' },
    ],
    [
      'a fault',
      fails(500, 'api_error', 'Internal server error'),
      { status: 502, code: 'upstream_error' },
    ],
  ])('%s has its own code, streaming or not, and is no answer', async (_name, step, expected) => {
    models(step)
    const plain = await failure(ask(server.client))
    expect(plain).toMatchObject(expected)
    expect(plain.message).not.toContain('API Error')
    const stream = await failure(askStream(server.client))
    expect(stream).toMatchObject(expected)
    expect(stream.message).toBe(plain.message)
  })

  it('that is overloaded is a 503 that says when to come back', async () => {
    models(fails(529, 'overloaded_error', 'Overloaded'))
    const error = await failure(ask(server.client))
    expect(error).toMatchObject({ status: 503, code: 'overloaded', type: 'server_error' })
    expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(0)
  })

  it('that limits the rate is a 429 at once, and never says to come back too early', async () => {
    models(fails(429, 'rate_limit_error', 'slow down', { 'retry-after': '17' }))
    const asked = server.anthropic.requests.length
    const error = await failure(ask(server.client))
    expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
    // Claude Code adds up to a quarter at random, so that clients do not all come back at once.
    const seconds = Number(error.headers?.get('retry-after'))
    expect(seconds).toBeGreaterThanOrEqual(17)
    expect(seconds).toBeLessThanOrEqual(22)
    // The caller does not wait while Claude Code waits for its own retry.
    expect(server.anthropic.requests.length - asked).toBe(1)
  })

  it('is repeated as often as the owner allows, unseen by the caller', async () => {
    const asked = server.anthropic.requests.length
    server.anthropic.enqueue(fails(529, 'overloaded_error', 'Overloaded'))
    models(says('At last.'))
    expect((await ask(server.client)).text).toBe('At last.')
    expect(server.anthropic.requests.length - asked).toBe(2)
  })

  it('leaves nothing behind for the next request', expectWell)

  it('that is a refusal of the model is an answer that ended as content_filter', async () => {
    models(stopsWith('refusal', 'I would rather'))
    const { answer } = await ask(server.client)
    expect(answer.choices[0]?.finish_reason).toBe('content_filter')
  })
})

describe('a failure in the middle of an answer', () => {
  it.each<[string, Step, { code: string }]>([
    ['a cut connection', cutsAfter('Half an '), { code: 'upstream_error' }],
    [
      'an error event',
      streamError('Half an ', 'overloaded_error', 'Overloaded'),
      { code: 'overloaded' },
    ],
    ['a silence', stallsAfter('Half an '), { code: 'idle_timeout' }],
  ])('%s is thrown at the reader of a stream after what came', async (_name, step, expected) => {
    models(step)
    const { chunks } = await askStream(server.client)
    const read = await readAll(chunks)
    expect(read.text).toBe('Half an ')
    expect(read.error).toMatchObject(expected)
    expect(read.chunks.some(({ choices }) => choices[0]?.finish_reason)).toBe(false)
  })

  it('is an error frame at the end, without [DONE]', async () => {
    models(cutsAfter('Half an '))
    const response = await post(server.url, { model: 'sonnet', messages: hello, stream: true })
    const frames = framesOf(await response.text())
    expect(JSON.parse(frames.pop() ?? '')).toEqual({
      error: {
        message: expect.stringContaining('in the middle of the answer'),
        type: 'server_error',
        param: null,
        code: 'upstream_error',
      },
    })
    expect(frames.map((frame) => contentOf(JSON.parse(frame))).join('')).toBe('Half an ')
    expect(frames).not.toContain('[DONE]')
  })

  it('is a status for whoever waits for the whole', async () => {
    models(cutsAfter('Half an '))
    expect(await failure(ask(server.client))).toMatchObject({ status: 502, code: 'upstream_error' })
    models(stallsAfter('Half an '))
    expect(await failure(ask(server.client))).toMatchObject({ status: 504, code: 'idle_timeout' })
  })
})

describe('silence', () => {
  it('before the first word is a 504, and the model call is closed', async () => {
    models(stalls())
    const error = await failure(askStream(server.client))
    expect(error).toMatchObject({ status: 504, code: 'first_token_timeout' })
    expect(error.message).toContain('FIRST_TOKEN_TIMEOUT_SECONDS')
    await expect
      .poll(() => server.anthropic.requests.at(-1)?.closedAt, { timeout: 2_000 })
      .toBeDefined()
  })
})

describe('a Claude Code process that is killed in the middle of an answer', () => {
  it('fails its own request only: a 502, or an error at the end of the stream', async () => {
    models(stallsAfter('Half an '))
    const { chunks } = await askStream(server.client)
    const iterator = chunks[Symbol.asyncIterator]()
    for (let text = ''; text === '';) text = contentOf((await iterator.next()).value)
    await killClaude()
    await expect(drain(iterator)).rejects.toMatchObject({ code: 'claude_crashed' })
    await expectWell()

    models(stalls())
    const asked = server.anthropic.requests.length
    const waiting = failure(ask(server.client))
    await expect.poll(() => server.anthropic.requests.length, { timeout: 10_000 }).toBe(asked + 1)
    await killClaude()
    const error = await waiting
    expect(error).toMatchObject({ status: 502, code: 'claude_crashed' })
    expect(error.message).toContain('SIGKILL')
    await expectWell()
  })
})

/** Ends every Claude Code process of this server, those that wait as well. */
async function killClaude(): Promise<void> {
  const running = await server.processes()
  expect(running.length).toBeGreaterThan(0)
  for (const { pid } of running) process.kill(pid, 'SIGKILL')
}

async function drain(iterator: AsyncIterator<unknown>): Promise<void> {
  for (let step = await iterator.next(); !step.done;) step = await iterator.next()
}
