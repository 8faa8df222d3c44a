import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, askStream, failure, readAll } from '../api/server/support.ts'
import {
  conversation,
  drips,
  fails,
  raw,
  says,
  silent,
  type Step,
} from '../scripted-anthropic/server.ts'
import { startEventStream, untilClosed } from '../scripted-anthropic/message.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { eventually, models, watch } from './support.ts'

// Statuses, cut streams and silences after the headers: test/api/server/failures.test.ts.

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    FIRST_TOKEN_TIMEOUT_SECONDS: '6',
    IDLE_TIMEOUT_SECONDS: '4',
    TURN_TIMEOUT_SECONDS: '12',
  })
})
afterAll(() => server.close())

/** The connection is closed before a byte of an answer. */
const closes = raw((response) => void response.destroy())

/** Headers of a stream, and then something that is none. */
function says200(text: string, type = 'text/event-stream'): Step {
  return raw((response) => {
    response.writeHead(200, { 'content-type': type, 'request-id': 'req_scripted' })
    response.end(text)
  })
}

const start = JSON.stringify({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  },
})
const opened = `event: message_start\ndata: ${start}\n\n`
const block = `event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n`
const words = `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Half an "}}\n\n`

/** An answer of which an event comes at one byte a second: nothing that Claude Code could pass on. */
const dripsBytes = raw(async (response) => {
  startEventStream(response)
  response.write(opened + block + words)
  let sent = 0
  const rest = `event: content_block_delta\ndata: {"type":"content_block_delta"`
  const timer = setInterval(() => response.write(rest.charAt(sent++)), 1_000)
  await untilClosed(response)
  clearInterval(timer)
})

describe('an API behind Claude Code that', { timeout: 60_000 }, () => {
  it.each<[string, Step, object]>([
    ['closes the connection at once', closes, { status: 502, code: 'upstream_error' }],
    ['never answers', silent(), { status: 504, code: 'first_token_timeout' }],
    [
      'answers with a page',
      says200('<html>Sign in to the network</html>', 'text/html'),
      { status: 502, code: 'upstream_error' },
    ],
    [
      'answers with a stream of nothing known',
      says200('what is this\n\ndata: {}\n\n'),
      { status: 502, code: 'upstream_error' },
    ],
    [
      'answers with half of a JSON',
      says200(opened.slice(0, 80)),
      { status: 502, code: 'upstream_error' },
    ],
    ['answers with nothing', says200(''), { status: 502, code: 'upstream_error' }],
    [
      'limits the rate and does not say for how long',
      fails(429, 'rate_limit_error', 'slow down'),
      { status: 429, code: 'rate_limit_exceeded' },
    ],
    [
      'fails with what is no error body',
      raw((response) => void response.writeHead(500).end('<h1>Oops</h1>')),
      { status: 502, code: 'upstream_error' },
    ],
  ])('%s fails that request, streamed or not, once', async (_name, step, expected) => {
    const watched = watch(server)
    models(server, step)
    const plain = await failure(ask(server.client))
    expect(plain).toMatchObject(expected)
    expect(await failure(askStream(server.client))).toMatchObject(expected)
    await watched.expectWell(2)
  })

  it('limits the rate is a 429 that says when to come back, though nobody told', async () => {
    models(server, fails(429, 'rate_limit_error', 'slow down'))
    const error = await failure(ask(server.client))
    expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(0)
  })

  it.each<[string, Step, object]>([
    [
      'says garbage',
      says200(`${opened}${block}${words}data: {"type":\n\n`),
      { code: 'upstream_error' },
    ],
    ['ends', says200(opened + block + words), { code: 'upstream_error' }],
  ])('%s in the middle of an answer is an error at its end', async (_name, step, expected) => {
    const watched = watch(server)
    models(server, step)
    const { chunks } = await askStream(server.client)
    const read = await readAll(chunks)
    expect(read.text).toBe('Half an ')
    expect(read.error).toMatchObject(expected)
    await watched.expectWell(1)
  })

  it.each([
    ['says nothing', says([''])],
    ['thinks only', says([], { thinking: 'Hm.' })],
  ])('%s is asked again by Claude Code, of which no later question knows', async (_name, step) => {
    const watched = watch(server)
    server.anthropic.enqueue(step, says('Now.'), says('Good.'))
    const messages = [{ role: 'user' as const, content: 'Speak' }]
    expect((await ask(server.client, { messages })).text).toBe('Now.')
    const more = [
      ...messages,
      { role: 'assistant' as const, content: 'Now.' },
      { role: 'user' as const, content: 'Go on' },
    ]
    expect((await ask(server.client, { messages: more })).text).toBe('Good.')
    const sent = conversation(server.anthropic.requests.at(-1) ?? expect.fail())
    expect(sent.map(({ content }) => content)).toEqual(
      ['Speak', 'Now.', 'Go on'].map((text) => [{ type: 'text', text }]),
    )
    await watched.expectWell(3)
  })

  it.each([
    ['a byte of an event', dripsBytes, 'idle_timeout'],
    ['a letter', drips('x', 1_000), 'turn_timeout'],
  ])('sends %s a second is left in time', async (_name, step, code) => {
    const watched = watch(server)
    models(server, step)
    const { chunks } = await askStream(server.client)
    const read = await readAll(chunks)
    expect(read.text).toMatch(/^(Half an |x+)$/)
    expect(read.error).toMatchObject({ code })
    const [request] = server.anthropic.requests.slice(-1)
    await eventually('the call is closed', () => request?.closedAt !== undefined)
    await watched.expectWell(1)
  })
})
