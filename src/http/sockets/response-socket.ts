import { setMaxListeners } from 'node:events'
import type { RawData, WebSocket } from 'ws'
import { encodeError } from '../../dialects/openai-chat/error.ts'
import { SseReader } from '../../dialects/sse-reader.ts'
import type { ConnectionMemory } from '../../responses/connection-memory.ts'
import { TurnError } from '../../turn/error.ts'
import { isFault, problem, retryHeaders } from '../problem.ts'
import type { SocketAnswer, SocketCalls } from './socket-calls.ts'
import { laneOf, readMessage, type SocketMessage } from './socket-message.ts'
import { SocketWriter } from './socket-writer.ts'

export type ResponseSocketOptions = {
  calls: Pick<SocketCalls, 'ask'>
  memory: ConnectionMemory
  /** Where the connection was opened, and with which headers: its messages are asked there, with the same. */
  url: string
  headers: Record<string, string>
  bodyLimitBytes: number
  /** How often a silent connection is pinged, so that nobody on the way takes it for dead. */
  heartbeatMs: number
  /** How long the reader may take nothing of what waits for it. */
  readerMs: number
  /** After this no message is answered any more. */
  lifeMs: number
  onFault: (error: unknown) => void
}

/** How a connection ends, and what whoever still asks is told. */
type Ending = { code: number; error: TurnError; isTold: boolean }

/** Messages of one connection that are answered or wait. */
const mostMessages = 16
/** For a client to say good-bye too. */
const goodbyeMs = 2_000

/**
 * One WebSocket of `/v1/responses`: each `response.create` is asked as a request of its own, and its events go out as text frames. Those of one
 * lane (`stream_id`, or none) are answered one after another, lanes beside each other. When the connection closes, so do its answers.
 */
export class ResponseSocket {
  readonly #socket: WebSocket
  readonly #options: ResponseSocketOptions
  readonly #writer: SocketWriter
  readonly #gone = new AbortController()
  readonly #lanes = new Map<string, Promise<void>>()
  readonly #life: NodeJS.Timeout
  readonly #ping: NodeJS.Timeout
  #goodbye: NodeJS.Timeout | undefined
  #messages = 0
  /** Why no message is answered any more. */
  #ending: Ending | undefined

  constructor(socket: WebSocket, options: ResponseSocketOptions) {
    // Each message that is answered listens.
    setMaxListeners(2 * mostMessages, this.#gone.signal)
    this.#socket = socket
    this.#options = options
    this.#writer = new SocketWriter(socket, options.readerMs)
    this.#life = setTimeout(() => this.#expire(), options.lifeMs)
    this.#ping = setInterval(() => this.#writer.ping(), options.heartbeatMs)
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    // `close` follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(this.#life)
      clearInterval(this.#ping)
      clearTimeout(this.#goodbye)
      this.#gone.abort()
      options.memory.close()
    })
  }

  /** Answers no more messages, and closes when those that run are answered. */
  stop(): void {
    const error = new TurnError('shutting_down', 'This server is stopping. Connect again soon.')
    this.#end({ code: 1001, error, isTold: false })
  }

  #expire(): void {
    const error = new TurnError(
      'websocket_connection_limit_reached',
      `This connection has been open for ${Math.round(this.#options.lifeMs / 60_000)} minutes, which is the limit. Open a new one, and send the whole conversation where it was not stored.`,
    )
    this.#end({ code: 1000, error, isTold: true })
  }

  #end(ending: Ending): void {
    this.#ending = ending
    if (this.#messages === 0) this.#close()
  }

  #close(): void {
    if (!this.#ending) return
    const { code, error, isTold } = this.#ending
    // A client that waits for nothing would not know why.
    if (isTold) void this.#fail(error)
    this.#socket.close(code, error.code)
    this.#goodbye ??= setTimeout(() => this.#socket.terminate(), goodbyeMs)
  }

  #receive(data: RawData, isBinary: boolean): void {
    const bytes = bytesOf(data)
    let message: SocketMessage
    try {
      this.#check(bytes, isBinary)
      message = readMessage(bytes)
    } catch (thrown) {
      void this.#fail(
        thrown,
        bytes.length > this.#options.bodyLimitBytes ? undefined : laneOf(bytes),
      )
      return
    }
    this.#messages += 1
    const lane = message.lane ?? ''
    const before = this.#lanes.get(lane) ?? Promise.resolve()
    const answered = before
      .then(() => this.#answer(message))
      .catch((thrown: unknown) => this.#fail(thrown, message.lane))
      .finally(() => {
        this.#messages -= 1
        if (this.#lanes.get(lane) === answered) this.#lanes.delete(lane)
        if (this.#messages === 0) this.#close()
      })
    this.#lanes.set(lane, answered)
  }

  #check(bytes: Uint8Array, isBinary: boolean): void {
    const { bodyLimitBytes } = this.#options
    if (this.#ending) throw this.#ending.error
    if (isBinary) throw new TurnError('invalid_type', 'Messages are text frames with JSON.')
    if (bytes.length > bodyLimitBytes) {
      throw new TurnError(
        'request_too_large',
        `The message is larger than ${bodyLimitBytes} bytes. The owner of this server can raise BODY_LIMIT_MB.`,
      )
    }
    if (this.#messages >= mostMessages) {
      throw new TurnError(
        'websocket_stream_limit_reached',
        `${mostMessages} messages of this connection are being answered or wait, which is the limit. Wait for one of them, or open another connection.`,
      )
    }
  }

  async #answer({ body, isWarmUp, lane }: SocketMessage): Promise<void> {
    if (this.#gone.signal.aborted) return
    if (this.#ending) throw this.#ending.error
    const { calls, memory, url, headers } = this.#options
    const { previous_response_id: previous } = body
    const forget = (): void => {
      if (typeof previous === 'string') memory.forget(previous)
    }
    const answer = await calls.ask({
      url,
      headers,
      body: JSON.stringify(body),
      memory,
      isWarmUp,
      signal: this.#gone.signal,
    })
    if (answer.status !== 200) {
      forget()
      await this.#refuse(answer, lane)
    } else if (await this.#tell(answer, lane)) forget()
  }

  /** Tells the events as they come; true when they told of a failure. */
  async #tell({ headers, body }: SocketAnswer, lane: string | undefined): Promise<boolean> {
    const reader = new SseReader()
    let first: Record<string, string> | undefined = toldHeaders(headers)
    let isFailed = false
    for await (const bytes of body as AsyncIterable<Uint8Array>) {
      for (const { event, data } of reader.push(bytes)) {
        // What is read for nobody is not read: it must not be made.
        if (!this.#writer.isOpen) return false
        await this.#writer.write(
          withFields(data, {
            ...(lane !== undefined && { stream_id: lane }),
            ...(first && { headers: first }),
          }),
        )
        first = undefined
        isFailed ||= event === 'response.failed'
      }
    }
    return isFailed
  }

  /** What had an HTTP status. */
  async #refuse({ status, headers, body }: SocketAnswer, lane: string | undefined): Promise<void> {
    const pieces: Uint8Array[] = []
    for await (const bytes of body as AsyncIterable<Uint8Array>) pieces.push(bytes)
    const { error } = JSON.parse(Buffer.concat(pieces).toString()) as { error: unknown }
    await this.#write({ status, error, headers: toldHeaders(headers) }, lane)
  }

  async #fail(thrown: unknown, lane?: string): Promise<void> {
    // Nobody is there who could be told.
    if (this.#gone.signal.aborted) return
    const error = problem(
      this.#ending && !(thrown instanceof TurnError) ? this.#ending.error : thrown,
      this.#options.bodyLimitBytes,
    )
    if (isFault(error)) this.#options.onFault(error.cause ?? error)
    const { status } = error.row
    await this.#write(
      { status, error: encodeError(error).error, headers: retryHeaders(error) },
      lane,
    )
  }

  async #write(
    { headers, ...failure }: { status: number; error: unknown; headers: Record<string, string> },
    lane: string | undefined,
  ): Promise<void> {
    await this.#writer.write(
      JSON.stringify({
        type: 'error',
        ...(lane !== undefined && { stream_id: lane }),
        ...failure,
        ...(Object.keys(headers).length > 0 && { headers }),
      }),
    )
  }
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}

/** What an answer over HTTP says in headers of its own; with the first frame here. */
function toldHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const told = Object.entries(headers).filter(
    ([name]) => /^(?:x-|openai-|retry-after)/.test(name) && name !== 'x-accel-buffering',
  )
  return Object.fromEntries(told)
}

/** An object's JSON with more fields at its front. */
function withFields(json: string, fields: Record<string, unknown>): string {
  const written = JSON.stringify(fields)
  return written === '{}' ? json : `${written.slice(0, -1)},${json.slice(1)}`
}
