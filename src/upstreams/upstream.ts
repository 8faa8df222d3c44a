import { type Dispatcher, Pool } from 'undici'
import { readError } from '../dialects/openai-chat/client.ts'
import type { Backend, Begun, TurnContext } from '../turn/backend.ts'
import { eventsOf } from '../turn/begun.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { UserPart } from '../turn/message.ts'
import type { Turn } from '../turn/turn.ts'
import { parseObject, readText, StreamedAnswer, wholeEvents } from './answers.ts'
import { Call, type UpstreamTimeouts } from './call.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { isClosedBetween, noAnswer, statusFailure, transportFailure } from './failures.ts'
import { hasAttachments, prepare, type PreparedFor } from './prepare.ts'
import { requestWhole } from './request-whole.ts'
import { retryAfterMs } from './retry-after.ts'

/** An API that speaks OpenAI's chat completions. */
export type UpstreamOptions = PreparedFor & {
  /** The base URL, with or without `/v1`. */
  url: string
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>>
  /** Whether it can stream; without, a whole answer is asked for and given as one chunk. */
  streaming?: boolean
  timeouts?: Partial<UpstreamTimeouts>
}

export type UpstreamDependencies = {
  /** Reads the files and pictures that `claude_options` names. Throws a `TurnError` for what cannot be read or is not allowed. */
  resolveAttachments: (turn: Turn, context: TurnContext) => Promise<readonly UserPart[]>
  /** Unix time in milliseconds. */
  now: () => number
}

/** A backend that holds connections until it is disposed of. */
export type Upstream = Backend & AsyncDisposable

export const defaultTimeouts: UpstreamTimeouts = {
  connectMs: 5_000,
  headersMs: 30_000,
  firstOutputMs: 60_000,
  idleMs: 60_000,
  answerMs: 600_000,
  silenceMs: 100_000,
  turnMs: 3_600_000,
}

const mostConnections = 256
const largestErrorBytes = 64 * 1024
const limits = { answerBytes: 64 * 1024 * 1024, errorBytes: largestErrorBytes }

/**
 * Makes a backend of an OpenAI-compatible API. Where caller and upstream speak the same dialect nothing is translated: the caller's
 * body goes out as it is and the answer comes back as `relay` events. A turn of another dialect is written in this one, and its answer read. Failures are `TurnError`s by class (failures.ts).
 */
export function createUpstream(
  options: UpstreamOptions,
  dependencies: UpstreamDependencies,
): Upstream {
  const timeouts = { ...defaultTimeouts, ...options.timeouts }
  const target = endpoint(options.url)
  const pool = new Pool(target.origin, {
    connections: mostConnections,
    connect: { timeout: timeouts.connectMs },
    // `Call` keeps these two: undici's own are exact to half a second, and do not know what an output is.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const parts = { options, dependencies, timeouts, target, pool, headers: headersFor(options) }
  return {
    name: options.name,
    run: (turn, context) =>
      context.stream && options.streaming !== false
        ? stream(parts, turn, context)
        : eventsOf(() => whole(parts, turn, context)),
    begin: (turn, context) => whole(parts, turn, context),
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

type Parts = {
  options: UpstreamOptions
  dependencies: UpstreamDependencies
  timeouts: UpstreamTimeouts
  target: Endpoint
  pool: Pool
  headers: { stream: Headers; whole: Headers }
}

type Headers = Readonly<Record<string, string>>

/** What each request says, made once. */
function headersFor({ key, headers }: UpstreamOptions): Parts['headers'] {
  const common = {
    'content-type': 'application/json',
    // The answer is relayed piece by piece; nothing here unpacks it.
    'accept-encoding': 'identity',
    'user-agent': 'claude-code-api',
    ...(key && { authorization: `Bearer ${key}` }),
  }
  return {
    stream: { ...common, accept: 'text/event-stream', ...headers },
    whole: { ...common, accept: 'application/json', ...headers },
  }
}

/** The answer in one piece; for a caller that reads a stream as well, where the API cannot stream. */
async function whole(parts: Parts, turn: Turn, context: TurnContext): Promise<Begun> {
  const { options, dependencies, timeouts, target, pool, headers } = parts
  const call = new Call(options.name, timeouts, context)
  try {
    call.cancellation.throwIfAborted()
    const prepared = prepare(options, turn, context, {
      stream: false,
      attachments: hasAttachments(turn) ? await dependencies.resolveAttachments(turn, context) : [],
    })
    call.enter('answer')
    const request = {
      method: 'POST',
      path: target.path,
      headers: headers.whole,
      body: prepared.written,
    } as const
    const response = await requestWhole(pool, request, { name: options.name, call, limits })
    const { status, text } = response
    if (status < 200 || status > 299) {
      const waitMs = retryAfterMs(response.headers, dependencies.now())
      throw statusFailure(options, status, readError(parseObject(text)) ?? {}, waitMs)
    }
    // What cannot be said in the caller's dialect is no answer: nothing of it has been told yet.
    const events = wholeEvents(text, prepared.answer).flatMap(prepared.say)
    return { events: [...prepared.notices, ...events] }
  } catch (thrown) {
    throw failure(parts, context, call, { thrown, isStarted: false })
  } finally {
    call.end()
  }
}

async function* stream(parts: Parts, turn: Turn, context: TurnContext): AsyncGenerator<TurnEvent> {
  const call = new Call(parts.options.name, parts.timeouts, context)
  let isStarted = false
  try {
    call.cancellation.throwIfAborted()
    const { written, notices, answer, say } = prepare(parts.options, turn, context, {
      stream: true,
      attachments: hasAttachments(turn)
        ? await parts.dependencies.resolveAttachments(turn, context)
        : [],
    })
    for (const notice of notices) yield notice
    const bytes = await openStream(parts, call, written)
    const reader = new StreamedAnswer({ ...answer, bytes }, call)
    for (let events = await reader.next(); events; events = await reader.next()) {
      for (const event of events) {
        if (event.type === 'start') isStarted = true
        for (const said of say(event)) yield said
      }
    }
  } catch (thrown) {
    throw failure(parts, context, call, { thrown, isStarted })
  } finally {
    call.end()
  }
}

function failure(
  { options }: Parts,
  { cancellation }: TurnContext,
  call: Call,
  { thrown, isStarted }: { thrown: unknown; isStarted: boolean },
): TurnError {
  const isCut =
    call.cancellation.aborted && (cancellation.aborted || !(thrown instanceof TurnError))
  return transportFailure(options, isCut ? call.cancellation.reason : thrown, isStarted)
}

/** Sends the request and gives the body of a good stream. */
async function openStream(
  { options, dependencies, target, pool, headers }: Parts,
  call: Call,
  body: string | Uint8Array,
): Promise<AsyncIterable<Uint8Array>> {
  call.enter('headers')
  const response = await request(pool, {
    method: 'POST',
    path: target.path,
    headers: headers.stream,
    body,
    signal: call.cancellation,
  })
  // Whoever reads the body gets its errors; this one is for a body that is let go.
  response.body.on('error', () => {})
  if (response.statusCode < 200 || response.statusCode > 299) {
    throw await refusal(options, response, call, dependencies.now())
  }
  const type = String(response.headers['content-type'] ?? 'none')
  if (!type.toLowerCase().startsWith('text/event-stream')) {
    throw noAnswer(
      `The API "${options.name}" answered with another content type than text/event-stream.`,
    )
  }
  call.enter('first-output')
  return response.body
}

/** Once more, on another connection, when the one that was kept alive closed just then. */
async function request(
  pool: Pool,
  options: Dispatcher.RequestOptions,
): Promise<Dispatcher.ResponseData> {
  try {
    return await pool.request(options)
  } catch (thrown) {
    if (!isClosedBetween(thrown)) throw thrown
    return pool.request(options)
  }
}

async function refusal(
  options: UpstreamOptions,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  call: Call,
  nowMs: number,
): Promise<TurnError> {
  call.enter('trailer')
  const text = await readText(body, call, largestErrorBytes).catch(() => '')
  const error = readError(parseObject(text)) ?? {}
  return statusFailure(options, statusCode, error, retryAfterMs(headers, nowMs))
}
