import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { questionOf } from '../api/server/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { claudes, eventually, expectIdle, models, watch } from './support.ts'

const clients = 1_000
/** Over which they come, in milliseconds. */
const spreadMs = 7_000
const seed = Number(process.env['LEAVING_SEED'] ?? 20_261_124)

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    MAX_TURNS: '3',
    WAITING_PROCESSES: '1',
    WAITING_PROCESSES_MAX: '1',
    LIVE_CONVERSATIONS: '2',
  })
  await server.client.models.list()
})
afterAll(() => server.close())

/** Where a client leaves; how often, of a hundred. */
const points = {
  'connected only': 10,
  'in the headers': 20,
  'in the body': 25,
  'before an answer': 30,
  'in the answer': 10,
  'after the answer': 5,
}
type Point = keyof typeof points

/** A number from 0 to 1 at each call, the same ones for the same seed (mulberry32). */
function randomOf(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Client = { question: string; point: Point; startMs: number; stream: boolean; share: number }

function drawClients(): Client[] {
  const random = randomOf(seed)
  const drawn = Object.entries(points).flatMap(([point, weight]) =>
    Array.from({ length: weight }, () => point as Point),
  )
  return Array.from({ length: clients }, (_, index) => ({
    question: `Question ${index}`,
    point: drawn[Math.floor(random() * drawn.length)] ?? 'connected only',
    startMs: random() * spreadMs,
    stream: random() < 0.7,
    share: random(),
  }))
}

async function visit({ question, point, startMs, stream, share }: Client): Promise<void> {
  await sleep(startMs)
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const body = JSON.stringify({
    model: 'sonnet',
    stream,
    messages: [{ role: 'user', content: question }],
  })
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`
  const request = head + body
  const cut = {
    'connected only': 0,
    'in the headers': Math.ceil(head.length * share),
    'in the body': head.length + Math.floor(body.length * share),
  }
  socket.write(point in cut ? request.slice(0, cut[point as keyof typeof cut]) : request)
  if (point === 'in the answer') await received(socket, 1 + share * 3_000)
  else if (point === 'after the answer') await received(socket, Infinity)
  else await sleep(share * 400)
  socket.destroy()
}

/** Waits until so many bytes have come, or the end, or a while. */
async function received(socket: Socket, bytes: number): Promise<void> {
  let count = 0
  const end = new AbortController()
  socket.on('close', () => end.abort())
  socket.on('data', (piece) => {
    count += piece.length
    if (count >= bytes) end.abort()
  })
  await sleep(12_000, undefined, { signal: end.signal }).catch(() => {})
}

/** Of this process, in which the server runs. */
async function openFiles(): Promise<number> {
  return (await readdir('/proc/self/fd').catch(() => [])).length
}

describe(`${clients} clients that leave wherever they are`, { timeout: 240_000 }, () => {
  it('leave nothing behind: no turn, no process, no open file, no question twice', async () => {
    const watched = watch(server)
    await watched.expectWell(0)
    const before = await openFiles()
    const words = Array.from({ length: 100 }, () => 'word ')
    models(server, says(words, { delayMs: 5 }))
    await Promise.all(drawClients().map(visit))
    await expectIdle(server)
    const questions = server.anthropic.requests.map(questionOf)
    expect(questions.length).toBeGreaterThan(1)
    expect(questions.length).toBe(new Set(questions).size)
    await eventually(
      'only one that waits and two that are kept are left',
      async () => (await claudes(server)).length <= 3,
    )
    await eventually('its files are closed', async () => (await openFiles()) <= before + 10)
    await watched.expectWell(watched.asked)
  })
})
