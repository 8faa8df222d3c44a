import { connect, type Socket } from 'node:net'
import { memoryUsage } from 'node:process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hello } from '../api/server/support.ts'
import { MessageStream } from '../scripted-anthropic/message.ts'
import { raw, type Step } from '../scripted-anthropic/server.ts'
import { drained } from '../support/drained.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { capacityOf, eventually, models, watch } from './support.ts'

const mebibyte = 1024 * 1024

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ READER_TIMEOUT_SECONDS: '4', MAX_TURNS: '1' })
})
afterAll(() => server.close())

/** How much of its answer the model has got rid of. */
type Written = { bytes: number; isOver: boolean }

const blockEnd = `event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n`

/** An answer of so many MiB, as fast as it is taken. */
function longAnswer(mebibytes: number): { step: Step; written: Written } {
  const written = { bytes: 0, isOver: false }
  const text = `${'long '.repeat(3_276)}\n`
  const step = raw(async (response, request) => {
    const stream = new MessageStream(response, request.model)
    const index = stream.open({ type: 'text', chunks: [] })
    while (written.bytes < mebibytes * mebibyte && !response.destroyed) {
      stream.delta(index, { type: 'text_delta', text })
      written.bytes += text.length
      if (response.writableNeedDrain) await drained(response)
    }
    response.write(blockEnd)
    stream.finish('end_turn')
    written.isOver = !response.destroyed
  })
  return { step, written }
}

/** A stream of which nothing is read. */
function openStream(): Socket {
  const body = JSON.stringify({ model: 'sonnet', messages: hello, stream: true })
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.pause()
  socket.on('error', () => {})
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  return socket
}

describe('a reader that stops reading', { timeout: 60_000 }, () => {
  it('makes the model wait, costs little memory, and is dropped with its turn', async () => {
    const watched = watch(server)
    const { step, written } = longAnswer(1024)
    models(server, step)
    const before = memoryUsage().rss
    let most = 0
    const socket = openStream()
    await watched.untilAsked()
    const [request] = server.anthropic.requests.slice(-1)
    await eventually('the turn is stopped', () => {
      most = Math.max(most, memoryUsage().rss)
      return request?.closedAt !== undefined
    })
    expect(written.isOver).toBe(false)
    expect(written.bytes).toBeGreaterThan(4 * mebibyte)
    expect(most - before).toBeLessThan(200 * mebibyte)
    await eventually('its place is free', async () => (await capacityOf(server)).running === 0)
    socket.destroy()
    await watched.expectWell(1)
  })

  it('of an answer that has ended holds its place until he has it, or is dropped', async () => {
    const watched = watch(server)
    const { step, written } = longAnswer(6)
    models(server, step)
    const socket = openStream()
    await eventually('the model has said all', () => written.isOver)
    expect((await capacityOf(server)).running).toBe(1)
    await eventually('its place is free', async () => (await capacityOf(server)).running === 0)
    socket.destroy()
    await watched.expectWell(1)
  })

  it('and goes on in time gets everything', async () => {
    const watched = watch(server)
    const { step, written } = longAnswer(8)
    models(server, step)
    const socket = openStream()
    await watched.untilAsked()
    let before = -1
    await eventually('the model has to wait, or is done', async () => {
      const isStill = written.bytes > 0 && before === written.bytes
      before = written.bytes
      await new Promise((resolve) => setTimeout(resolve, 200))
      return isStill
    })
    let end = ''
    let bytes = 0
    socket.on('data', (piece) => {
      bytes += piece.length
      end = (end + piece.toString('latin1')).slice(-100)
    })
    socket.resume()
    await eventually('the stream has ended', () => end.includes('data: [DONE]'))
    expect(bytes).toBeGreaterThan(8 * mebibyte)
    socket.destroy()
    await watched.expectWell(1)
  })
})
