import { connect } from 'node:net'
import { once } from 'node:events'
import OpenAI from 'openai'
import { ResponsesWS } from 'openai/resources/responses/ws'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { deferred } from '../../src/lib/deferred.ts'
import type { TurnContext } from '../../src/turn/backend.ts'
import { TurnError } from '../../src/turn/error.ts'
import { says, type TestServer, until } from '../http/server.ts'
import { callsTools, says as claudeSays } from '../scripted-anthropic/server.ts'
import { makeKey } from '../keys/support.ts'
import { startTestServer } from '../support/server.ts'
import { hasOpenAIDocument, OpenAIDocument } from '../support/openai-document.ts'
import { expectOrder, type WireEvent } from './event-order.ts'
import { keptServers, told } from './kept-server.ts'

const servers = keptServers()

type Frame = WireEvent & { stream_id?: string; headers?: Record<string, string>; error?: Json }
type Json = Record<string, unknown>

/** A connection and every frame that came over it. */
async function open(
  { url }: Pick<TestServer, 'url'>,
  headers: Record<string, string> = {},
  path = '/v1/responses',
) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, { headers })
  const frames: Frame[] = []
  const closed = deferred<number>()
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as Frame))
  socket.on('close', (code) => closed.resolve(code))
  await once(socket, 'open')
  const send = (body: Json): void =>
    socket.send(JSON.stringify({ type: 'response.create', model: 'sonnet', ...body }))
  /** The frames of one answer, once it is over. */
  const answerTo = async (body: Json): Promise<Frame[]> => {
    const from = frames.length
    send(body)
    const isLast = ({ type, sequence_number: n }: Frame): boolean =>
      /^response\.(?:completed|incomplete|failed)$/.test(type) ||
      (type === 'error' && n === undefined)
    await until(() => frames.slice(from).some(isLast))
    return frames.slice(from)
  }
  return { socket, frames, closed: closed.promise, send, answerTo }
}

const responseOf = (frames: readonly Frame[]) => frames.at(-1)?.response as Json & { id: string }

/** Says a word, then waits until it is let. */
function patient() {
  const told = deferred<void>()
  const script = async function* (_turn: unknown, { cancellation: { signal } }: TurnContext) {
    const [start, open, first, ...rest] = await events()
    for (const event of [start, open, first]) if (event) yield event
    const left = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
    await Promise.race([told.promise, left])
    yield* rest
  }
  return { script, go: () => told.resolve() }
}

async function events() {
  const all = []
  for await (const event of says('Hel', 'lo')) all.push(event)
  return all
}

describe('a WebSocket', () => {
  it('answers the client of OpenAI, with the events of a stream', async () => {
    const running = await servers.start()
    const client = new OpenAI({ baseURL: `${running.url}/v1`, apiKey: 'any' })
    const socket = new ResponsesWS(client)
    socket.send({ type: 'response.create', model: 'sonnet', input: 'Hello', temperature: 0.5 })
    const seen: Frame[] = []
    for await (const event of socket) {
      if (event.type === 'error') throw event.error
      if (event.type === 'message') seen.push(event.message as unknown as Frame)
      if (seen.at(-1)?.type === 'response.completed') break
    }
    socket.close()
    expectOrder(seen)
    const { id } = responseOf(seen)
    expect((await client.responses.retrieve(id)).output_text).toBe('Answer 0.')
    expect(seen[0]?.headers).toMatchObject({
      'x-request-id': expect.stringMatching(/^req_/),
      'x-ignored-parameters': 'temperature',
    })
    expect(seen.slice(1).filter((frame) => frame.headers)).toEqual([])
    await until(() => running.finished.length === 3)
    const finished = running.finished.map(({ method, status }) => `${method} ${status}`)
    expect(finished.toSorted()).toEqual(['GET 101', 'GET 200', 'POST 200'])
  })

  it.runIf(hasOpenAIDocument)('obeys the document of OpenAI', async () => {
    const document = new OpenAIDocument()
    const { answerTo } = await open(await servers.start())
    const frames = [
      ...(await answerTo({ input: 'Hello' })),
      ...(await answerTo({ input: 'Hello', stream_id: 'a' })),
      ...(await answerTo({ input: 'Hello', previous_response_id: 'resp_x' })),
    ]
    const problems = frames.flatMap((frame) => document.problems('ResponsesServerEvent', frame))
    expect(problems).toEqual([])
  })

  it('goes on from what is not stored, and forgets what failed and what is over', async () => {
    let isFailing = false
    const running = await servers.start((_turn, _context, run) => {
      if (isFailing) throw new TurnError('overloaded', 'It failed.')
      return says(`Answer ${run}.`)
    })
    const { answerTo, socket } = await open(running)
    const one = responseOf(await answerTo({ input: 'One?', store: false }))
    const two = responseOf(
      await answerTo({ input: 'Two?', store: false, previous_response_id: one.id }),
    )
    expect(two).toMatchObject({ status: 'completed', previous_response_id: one.id, store: false })
    // Kept from here on, with all that only the connection knew.
    const three = responseOf(await answerTo({ input: 'Three?', previous_response_id: two.id }))
    const said = ['user: One?', 'assistant: Answer 0.', 'user: Two?', 'assistant: Answer 1.']
    expect(told(running)).toEqual([...said, 'user: Three?'])
    await running.client.responses.create({ input: 'Four?', previous_response_id: three.id })
    expect(told(running)).toEqual([...said, 'user: Three?', 'assistant: Answer 2.', 'user: Four?'])

    const [item] = (two.output as Json[]) ?? []
    await answerTo({ input: [{ id: item?.id }, { role: 'user', content: 'Q' }], store: false })
    expect(told(running)).toEqual(['assistant: Answer 1.', 'user: Q'])

    const missing = { status: 404, error: { code: 'previous_response_not_found' } }
    const other = await open(running)
    const asked = { input: 'Q', store: false, previous_response_id: two.id }
    expect(await other.answerTo(asked)).toMatchObject([{ type: 'error', ...missing }])
    isFailing = true
    expect(await answerTo(asked)).toMatchObject([{ error: { code: 'overloaded' }, status: 503 }])
    isFailing = false
    expect(await answerTo(asked)).toMatchObject([missing])
    socket.close()
  })

  it('is opened below the paths of Azure too, and the deployment is the model', async () => {
    const running = await servers.start()
    const deployment = `${running.url}/openai/deployments/sonnet`
    const { answerTo } = await open({ url: deployment }, {}, '/responses?api-version=2026-01-01')
    await answerTo({ model: 'other', input: 'Hello' })
    expect(running.backend.runs[0]?.turn.model).toBe('sonnet')
  })

  it('is warmed up', async () => {
    const running = await servers.start()
    const { answerTo } = await open(running)
    const system = { role: 'developer', content: 'Be brief.' }
    const warm = await answerTo({ generate: false, store: false, input: [system] })
    expectOrder(warm)
    expect(responseOf(warm)).toMatchObject({ status: 'completed', output: [] })
    const kept = responseOf(await answerTo({ generate: false }))
    expect(running.backend.runs).toEqual([])
    await answerTo({ input: 'Hello', previous_response_id: responseOf(warm).id, store: false })
    expect(told(running)).toEqual(['user: Hello'])
    expect(running.backend.runs[0]?.turn.instructions).toEqual(['Be brief.'])
    await answerTo({ input: 'Hello', previous_response_id: kept.id })
    expect(told(running)).toEqual(['user: Hello'])
    const wrong = await answerTo({ generate: false, tool_choice: 'required' })
    expect(wrong).toMatchObject([{ status: 400, error: { param: 'tool_choice' } }])
  })

  it('answers messages of one lane in turn, and lanes beside each other', async () => {
    const { script, go } = patient()
    const running = await servers.start((turn, context, run) =>
      run === 0 ? script(turn, context) : says(`Answer ${run}.`),
    )
    const { send, frames } = await open(running)
    send({ input: 'first', stream_id: 'a' })
    send({ input: 'second', stream_id: 'a' })
    const ended = (lane?: string) =>
      frames.filter(({ type, stream_id }) => type === 'response.completed' && stream_id === lane)
    await until(() => running.backend.runs.length === 1)
    send({ input: 'third' })
    await until(() => ended().length === 1)
    expect(ended('a')).toEqual([])
    go()
    await until(() => ended('a').length === 2)
    expect(ended('a').map(({ response }) => textOf(response))).toEqual(['Hello', 'Answer 2.'])
    expect(frames.filter((frame) => !frame.stream_id).map(({ type }) => type)).toContain(
      'response.completed',
    )
    for (let n = 0; n < 17; n++) send({ input: 'many', stream_id: `lane-${n}` })
    await until(() => frames.some(({ type }) => type === 'error'))
    expect(frames.filter(({ type }) => type === 'error')).toMatchObject([
      { stream_id: 'lane-16', status: 400, error: { code: 'websocket_stream_limit_reached' } },
    ])
  })

  it('tells what is wrong with a message, and lives on', async () => {
    const { socket, frames, answerTo } = await open(
      await servers.start(undefined, { bodyLimitBytes: 2_000 }),
    )
    const wrong: [string | Buffer, Json][] = [
      ['{', { code: 'invalid_json' }],
      ['[]', { code: 'invalid_type' }],
      [Buffer.from('{}'), { code: 'invalid_type' }],
      ['{"type":"response.cancel"}', { param: 'type' }],
      ['{"type":"response.create","stream_id":"a b"}', { param: 'stream_id' }],
      ['{"type":"response.create","background":true}', { param: 'background' }],
      ['{"type":"response.create","stream":false}', { param: 'stream' }],
      ['{"type":"response.create","generate":1}', { param: 'generate' }],
      ['{"type":"response.create","model":"sonnet","input":7}', { param: 'input' }],
      [' '.repeat(2_001), { code: 'request_too_large' }],
    ]
    for (const [at, [message, error]] of wrong.entries()) {
      socket.send(message)
      await until(() => frames.length > at)
      expect(frames[at]).toMatchObject({ type: 'error', error })
    }
    expect(responseOf(await answerTo({ input: 'Hello' }))).toMatchObject({ status: 'completed' })
    const closing = once(socket, 'close')
    socket.send(' '.repeat(4_001))
    expect((await closing)[0]).toBe(1009)
  })

  it('tells of a failure inside an answer as a stream does', async () => {
    const { answerTo } = await open(
      await servers.start(async function* () {
        yield* (await events()).slice(0, 3)
        throw new TurnError('overloaded', 'It failed.')
      }),
    )
    const frames = await answerTo({ input: 'Hello' })
    expect(frames.slice(-2)).toMatchObject([
      { type: 'error', error: { code: 'overloaded' } },
      { type: 'response.failed', response: { status: 'failed' } },
    ])
  })
})

function textOf(response: unknown): unknown {
  const { output } = response as { output: { content: { text: string }[] }[] }
  return output[0]?.content[0]?.text
}

describe('whoever opens one', () => {
  it('is held to the key, at the start and with each message, and to the origins', async () => {
    const running = await servers.start(undefined, { apiKey: 'secret' })
    const refusal = async (headers: Record<string, string>): Promise<number> => {
      const socket = new WebSocket(`${running.url.replace('http', 'ws')}/v1/responses`, { headers })
      const [, response] = (await once(socket, 'unexpected-response')) as [
        unknown,
        { statusCode: number },
      ]
      return response.statusCode
    }
    const authorization = 'Bearer secret'
    expect(await refusal({})).toBe(401)
    expect(await refusal({ authorization: 'Bearer other' })).toBe(401)
    expect(await refusal({ authorization, origin: 'https://other.example' })).toBe(403)
    expect(await refusal({ authorization, host: 'other.example' })).toBe(403)
    const { answerTo } = await open(running, { authorization, origin: running.url })
    expect(responseOf(await answerTo({ input: 'Hello' }))).toMatchObject({ status: 'completed' })
  })

  it('with a wrong handshake is told what is wrong with it', async () => {
    const { url } = await servers.start()
    const { port, host } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    let read = ''
    socket.on('data', (bytes) => (read += bytes.toString()))
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13'
    socket.write(`GET /v1/responses HTTP/1.1\r\nHost: ${host}\r\n${upgrade}\r\n\r\n`)
    await once(socket, 'close')
    expect(read).toMatch(/^HTTP\/1\.1 400 /)
    expect(JSON.parse(read.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      error: { code: 'invalid_request', message: expect.stringContaining('Sec-WebSocket-Key') },
    })
  })

  it('ends the turn by leaving', async () => {
    const running = await servers.start(patient().script)
    const { send, socket } = await open(running)
    send({ input: 'Hello' })
    await until(() => running.backend.runs.length === 1)
    socket.terminate()
    await until(() => running.backend.runs[0]?.context.cancellation.aborted ?? false)
    await until(() => running.finished.length === 2)
    expect(new Set(running.finished.map(({ status }) => status))).toEqual(new Set([101, 499]))
  })

  it('is told when the connection is too old, after its answer', async () => {
    const { script, go } = patient()
    const running = await servers.start(script, { socketLifeMs: 50 })
    const { send, frames, closed } = await open(running)
    const idle = await open(running)
    expect(await idle.closed).toBe(1000)
    const limit = { type: 'error', error: { code: 'websocket_connection_limit_reached' } }
    expect(idle.frames).toMatchObject([limit])
    send({ input: 'Too late' })
    expect(await closed).toBe(1000)
    expect(frames).toMatchObject([limit])
    go()
  })

  it('gets its answer while the server stops, and then is told to go', async () => {
    const { script, go } = patient()
    const running = await servers.start(script)
    const { send, frames, closed } = await open(running)
    const idle = await open(running)
    send({ input: 'Hello' })
    send({ input: 'Never' })
    await until(() => frames.some(({ type }) => type === 'response.output_text.delta'))
    const closing = running.close()
    expect(await idle.closed).toBe(1001)
    go()
    expect(await closed).toBe(1001)
    await closing
    expect(frames.map(({ type }) => type)).toContain('response.completed')
    expect(frames.at(-1)).toMatchObject({ error: { code: 'shutting_down' }, status: 503 })
  })

  it('and reads nothing holds up what is made for it, and is cut off in the end', async () => {
    let said = 0
    const running = await servers.start(
      async function* (_turn, { cancellation: { signal } }) {
        yield* (await events()).slice(0, 2)
        for (; said < 1_000 && !signal.aborted; said++) {
          yield { type: 'text-delta' as const, block: 0, text: 'x'.repeat(100_000) }
        }
      },
      { readerMs: 200 },
    )
    const { send, socket, closed } = await open(running)
    socket.pause()
    send({ input: 'Hello' })
    await until(() => running.finished.length > 0)
    expect(said).toBeLessThan(500)
    socket.resume()
    expect(await closed).toBe(1006)
  })
})

describe('the real Claude Code', () => {
  it('holds each message to the limits of its key, and to the key itself', async () => {
    await using server = await startTestServer({ API_KEY: 'secret', ADMIN_KEY: 'admin' })
    const key = await makeKey(server, { policy: { limits: { requests_per_minute: 1 } } })
    const { answerTo } = await open(server, { 'api-key': key.text })
    await answerTo({ input: 'Hello', generate: false })
    expect(await answerTo({ input: 'Hello' })).toMatchObject([
      {
        status: 429,
        error: { code: 'rate_limit_exceeded' },
        headers: { 'retry-after': expect.any(String), 'x-ratelimit-limit-requests': '1' },
      },
    ])
    const revoked = await fetch(`${server.url}/v1/admin/keys/${key.id}`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer admin' },
    })
    expect(revoked.status).toBe(200)
    // Keys are remembered for a moment.
    let [refused] = await answerTo({ input: 'Hello' })
    while (refused?.status === 429) [refused] = await answerTo({ input: 'Hello' })
    expect(refused).toMatchObject({ status: 401, error: { code: 'invalid_api_key' } })
  })

  it('answers over a WebSocket, and goes on with the result of a call that is not stored', async () => {
    await using server = await startTestServer()
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
      claudeSays('Sunny in Rome.'),
    )
    const { answerTo, socket } = await open(server)
    const tools = [{ type: 'function', name: 'get_weather', parameters: { type: 'object' } }]
    const called = responseOf(await answerTo({ input: 'Weather?', store: false, tools }))
    const [call] = called.output as Json[]
    expect(call).toMatchObject({ type: 'function_call', arguments: '{"city":"Rome"}' })
    const output = { type: 'function_call_output', call_id: call?.call_id, output: 'sunny' }
    const told = { store: false, tools, previous_response_id: called.id, input: [output] }
    expect(textOf(responseOf(await answerTo(told)))).toBe('Sunny in Rome.')
    socket.close()
  })
})

describe('a request that offers another protocol', () => {
  it.each([
    ['POST', '/v1/responses', 'h2c', { model: 'sonnet', input: 'Hello' }],
    ['GET', '/v1/models', 'websocket', undefined],
  ])('is answered over HTTP: %s %s with %s', async (method, path, protocol, body) => {
    const { url } = await servers.start()
    const { port, host } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    const payload = body === undefined ? '' : JSON.stringify(body)
    const head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Type: application/json\r\nContent-Length: ${payload.length}\r\n\r\n`
    let read = ''
    socket.on('data', (bytes) => (read += bytes.toString()))
    for (let times = 1; times <= 2; times++) {
      socket.write(head + payload.slice(0, 5))
      socket.write(payload.slice(5))
      await until(() => read.split('HTTP/1.1 200 OK').length > times && read.endsWith('}'))
    }
    socket.destroy()
  })

  it('and one that does not is told to use POST', async () => {
    const { url } = await servers.start()
    const response = await fetch(`${url}/v1/responses`)
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST, OPTIONS')
  })
})
