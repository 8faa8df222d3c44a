import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { drained } from '../support/drained.ts'

/** How the scripted API answers one request. */
export type Script =
  | { type: 'plain'; body?: unknown; headers?: Record<string, string> }
  /** Frames written as they are; `after` says how the stream goes on. */
  | {
      type: 'stream'
      frames: string[]
      after?: 'end' | 'cut' | 'stall'
      pauseMs?: number
      headers?: Record<string, string>
    }
  | { type: 'status'; status: number; body?: unknown; headers?: Record<string, string> }
  | { type: 'raw'; text: string; headers: Record<string, string> }
  /** A good beginning, then one byte at a time. */
  | {
      type: 'drip'
      frames: string[]
      text: string
      everyMs: number
      headers?: Record<string, string>
    }
  /** An answer of so many bytes, without end if nobody stops it. */
  | { type: 'huge'; bytes: number }
  /** Another answer, later; nothing is sent until then. */
  | { type: 'late'; afterMs: number; by: Script }
  /** A good answer on a connection that was not used before; one that was is closed instead. */
  | { type: 'closes-kept' }
  /** The socket is closed before any answer. */
  | { type: 'reset' }
  | { type: 'silence' }

export type Received = {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: Record<string, unknown>
  /** The number of the connection, from 1. */
  connection: number
  /** Resolves when the answer is over; `true` when the client left before its end. */
  closedEarly: Promise<boolean>
}

/** An OpenAI-compatible API on loopback that answers as it is told and keeps what it was asked. */
export type ScriptedOpenAI = AsyncDisposable & {
  /** Without `/v1`. */
  url: string
  received: Received[]
  /** The next answers, in order; the last one stays. */
  answer: (...scripts: Script[]) => void
  /** Resolves with the request of this number, from 0, when it has come. */
  request: (index: number) => Promise<Received>
}

export async function startScriptedOpenAI(...scripts: Script[]): Promise<ScriptedOpenAI> {
  const received: Received[] = []
  const waiting: (() => void)[] = []
  const connections: unknown[] = []
  let queue = scripts
  let used = 0
  const server = createServer((request, response) => {
    void (async () => {
      const body = await readBody(request)
      if (!connections.includes(request.socket)) connections.push(request.socket)
      received.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body,
        connection: connections.indexOf(request.socket) + 1,
        closedEarly: once(response, 'close').then(() => !response.writableFinished),
      })
      for (const wake of waiting.splice(0)) wake()
      const [script = { type: 'plain' } satisfies Script, ...rest] = queue
      if (rest.length > 0) queue = rest
      await play(script, response, connections.indexOf(request.socket) < used)
      used = connections.length
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answer: (...next) => {
      queue = next
    },
    request: async (index) => {
      for (;;) {
        const found = received[index]
        if (found) return found
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return JSON.parse(Buffer.concat(pieces).toString('utf8')) as Record<string, unknown>
}

async function play(script: Script, response: ServerResponse, isKept: boolean): Promise<void> {
  switch (script.type) {
    case 'plain':
      response.writeHead(200, { 'content-type': 'application/json', ...script.headers })
      response.end(JSON.stringify(script.body ?? completion('Hello from the fallback.')))
      return
    case 'status':
      response.writeHead(script.status, { 'content-type': 'application/json', ...script.headers })
      response.end(JSON.stringify(script.body ?? {}))
      return
    case 'raw':
      response.writeHead(200, script.headers)
      response.end(script.text)
      return
    case 'stream':
      response.writeHead(200, { 'content-type': 'text/event-stream', ...script.headers })
      response.flushHeaders()
      for (const frame of script.frames) {
        if (response.destroyed) return
        response.write(frame)
        // Each frame is a packet of its own, as from a real model.
        await new Promise((resolve) => setTimeout(resolve, script.pauseMs ?? 0))
      }
      if (script.after === 'cut') response.destroy()
      else if (script.after !== 'stall') response.end()
      return
    case 'drip':
      response.writeHead(200, { 'content-type': 'text/event-stream', ...script.headers })
      response.flushHeaders()
      for (const frame of script.frames) response.write(frame)
      for (const character of script.text) {
        if (response.destroyed) return
        response.write(character)
        await new Promise((resolve) => setTimeout(resolve, script.everyMs))
      }
      response.end()
      return
    case 'huge':
      await writeHuge(response, script.bytes)
      return
    case 'late':
      await new Promise((resolve) => setTimeout(resolve, script.afterMs))
      if (!response.destroyed) await play(script.by, response, isKept)
      return
    case 'closes-kept':
      if (isKept) response.socket?.end()
      else await play({ type: 'plain' }, response, isKept)
      return
    case 'reset':
      response.destroy()
      return
    case 'silence':
      return
  }
}

async function writeHuge(response: ServerResponse, bytes: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' })
  const piece = Buffer.alloc(1024 * 1024, 'x')
  for (let sent = 0; sent < bytes && !response.destroyed; sent += piece.length) {
    if (response.write(piece)) continue
    await drained(response)
  }
  response.end()
}

/** A whole answer, with a field that only this vendor has. */
export function completion(
  text: string,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    id: 'chatcmpl-scripted',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'scripted-model-2',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage,
    vendor_extra: { region: 'here' },
    ...more,
  }
}

export const usage = {
  prompt_tokens: 20,
  completion_tokens: 7,
  total_tokens: 27,
  prompt_tokens_details: { cached_tokens: 5 },
  completion_tokens_details: { reasoning_tokens: 3 },
}

/** One chunk of a stream; `delta` is its only choice's. */
export function chunk(
  delta: Record<string, unknown>,
  finish: string | null = null,
): Record<string, unknown> {
  return {
    id: 'chatcmpl-scripted',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'scripted-model-2',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    vendor_extra: { region: 'here' },
  }
}

export const roleChunk = chunk({ role: 'assistant', content: '', refusal: null })
export const finishChunk = chunk({}, 'stop')
export const usageChunk = { ...finishChunk, choices: [], usage }
export const done = 'data: [DONE]\n\n'

export function frame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** The frames of a good streamed answer. */
export function textFrames(...texts: string[]): string[] {
  return [
    frame(roleChunk),
    ...texts.map((text) => frame(chunk({ content: text }))),
    frame(finishChunk),
    frame(usageChunk),
    done,
  ]
}
