import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { TurnContext } from '../../src/turn/backend.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { hello, says, serve, type TestServer, until, usage } from './server.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

const request = { model: 'sonnet', messages: hello }
const begin: TurnEvent[] = [
  { type: 'start', id: 'a', provider: 'claude', model: 'm' },
  { type: 'text-start', block: 0 },
  { type: 'text-delta', block: 0, text: 'x' },
]

function aborted({ cancellation: { signal } }: TurnContext): Promise<never> {
  return new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason as Error)),
  )
}

describe('a caller that leaves', () => {
  it.each([false, true])('stops the turn within a second (stream: %s)', async (stream) => {
    const ended: unknown[] = []
    server = await serve(async function* (_turn, context) {
      try {
        if (stream) yield* begin
        await aborted(context)
      } catch (error) {
        ended.push(error)
        throw error
      }
    })
    const leave = new AbortController()
    const answer = server.client.chat.completions.create(
      { ...request, stream },
      { signal: leave.signal },
    )
    const outcome = stream
      ? await answer.then(async (it) =>
          (it as AsyncIterable<unknown>)[Symbol.asyncIterator]().next(),
        )
      : answer.catch(() => 'left')
    await until(() => server?.backend.runs.length === 1)
    const leftMs = performance.now()
    leave.abort()
    await until(() => ended.length === 1)
    expect(performance.now() - leftMs).toBeLessThan(1000)
    expect(ended[0]).toMatchObject({ code: 'request_cancelled' })
    await outcome
    await until(() => server?.finished.length === 1)
    expect(server.finished[0]?.status).toBe(499)
  })

  it('before anything of a stream was sent stops the turn too', async () => {
    let isAborted = false
    server = await serve(async function* (_turn, context) {
      await aborted(context).finally(() => (isAborted = true))
      yield* begin
    })
    const leave = new AbortController()
    const answer = server.client.chat.completions.create(
      { ...request, stream: true },
      { signal: leave.signal },
    )
    const left = answer.catch(() => 'left')
    await until(() => server?.backend.runs.length === 1)
    leave.abort()
    await until(() => isAborted)
    expect(await left).toBe('left')
  })
})

describe('a caller that reads slowly', () => {
  it('makes the backend wait', async () => {
    let produced = 0
    const pieces = 4_000
    server = await serve(async function* () {
      yield* begin
      for (; produced < pieces; produced++)
        yield { type: 'text-delta', block: 0, text: 'x'.repeat(10_000) }
      yield { type: 'finish', reason: 'stop', model: 'm', usage }
    })
    const body = JSON.stringify({ ...request, stream: true })
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.pause()
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    let before = -1
    await until(() => produced > 0)
    while (before !== produced) {
      before = produced
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(produced).toBeLessThan(pieces)
    let text = ''
    socket.on('data', (bytes) => (text = (text + bytes.toString()).slice(-200)))
    socket.resume()
    await new Promise((resolve) => socket.once('close', resolve))
    expect(produced).toBe(pieces)
    expect(text).toContain('data: [DONE]')
  })
})

describe('close', () => {
  it('waits for running answers, on kept connections too', async () => {
    const gate = new AbortController()
    server = await serve(async function* () {
      await once(gate.signal, 'abort')
      yield* says('done')
    })
    const answer = server.client.chat.completions.create(request)
    await until(() => server?.backend.runs.length === 1)
    const closed = server.close()
    setTimeout(() => gate.abort(), 50)
    expect((await answer).choices[0]?.message.content).toBe('done')
    const startedMs = performance.now()
    await closed
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })

  it('ends with shutting_down what outlives the grace time', async () => {
    const shutdown = new AbortController()
    server = await serve(
      async function* (_turn, context) {
        if (context.stream) yield* begin
        await aborted(context)
      },
      { shutdown: shutdown.signal },
    )
    const plain = server.post(request)
    const stream = await server.post({ ...request, stream: true })
    await until(() => server?.backend.runs.length === 2)
    const closed = server.close()
    shutdown.abort()
    expect((await plain).status).toBe(503)
    expect(await (await plain).json()).toMatchObject({ error: { code: 'shutting_down' } })
    expect(await stream.text()).toContain('"code":"shutting_down"')
    await closed
  })
})
