import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { allowanceOf, checkTurn } from '../access/policy.ts'
import type {
  ChoiceEvent,
  DecodedRequest,
  Dialect,
  EncodeContext,
  StreamEncoder,
} from '../dialects/dialect.ts'
import { SentContent } from '../files/sent-content.ts'
import { expandBlockFileIds } from '../files/block-file-ids.ts'
import {
  expandFileIds,
  expandOptionFiles,
  hasParts,
  optionsNameFiles,
} from '../files/sent-file-ids.ts'
import { writeFrame } from '../dialects/sse.ts'
import type { Seal } from '../lib/seal.ts'
import type { Backend, TurnContext } from '../turn/backend.ts'
import type { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { TurnResult } from '../turn/result.ts'
import { AnswerFacts } from './answer-facts.ts'
import { deploymentWins, withDeployment } from './azure-paths.ts'
import { readCacheControl } from './cache-control.ts'
import { Choices, type Observe } from './choices.ts'
import { admitTurn } from './limited.ts'
import { awaitOpening } from './opening.ts'
import { bytesOfBody } from './middleware/json-body.ts'
import type { HttpParts } from './parts.ts'
import { blamer } from './own-words.ts'
import { isFault, problem } from './problem.ts'
import type { RequestRecord, RequestRecords } from './request-records.ts'
import { answerRepeated, isHit, RepeatedBody, rememberHit } from './repeated.ts'
import { responseHeaders } from './response-headers.ts'
import { SseBody, streamHeaders } from './sse-body.ts'
import { type StopSignal, stopSignal } from './stop-signal.ts'
import { beginStoring, type StoredParts } from './stored-answer.ts'

export type DialectRouteParts = Pick<
  HttpParts,
  'options' | 'backend' | 'cache' | 'files' | 'limiter' | 'usage' | 'telemetry' | 'shutdown'
> & {
  records: RequestRecords
  /** Where `store` keeps answers; absent: the dialect has no such thing. */
  storing?: { stored: StoredParts | undefined }
}

/** A request as its route has prepared it. */
export type Prepared = {
  /** The body as the dialect is to read it. */
  body: unknown
  /** Told the whole answer before its last word goes out. */
  settle?: EncodeContext['settle']
  /** Takes the answer over; what the caller gets is its doing. */
  detach?: (work: DetachedWork, request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** Closes and opens what callers keep for this server. */
  seal?: Seal
  /** Answers it in place of the backend. */
  backend?: Backend
  /** Says what was wrong with the prepared body in the caller's own words. */
  blame?: (thrown: unknown) => unknown
}

/** An answer that nobody waits for: to be read to its end, and then closed. */
export type DetachedWork = {
  stream: StreamEncoder
  events: () => AsyncIterable<ChoiceEvent>
  isStreamed: boolean
  headers: Record<string, string>
  abort: () => void
  /** What was thrown, as the caller may see it. */
  errorOf: (thrown: unknown) => TurnError
  close: () => Promise<void>
}

/** What a route does with a body before the dialect reads it. Throws `TurnError`s. */
export type Prepare = (
  body: unknown,
  asked: {
    request: FastifyRequest
    reply: FastifyReply
    record: RequestRecord
    uploaded: SentContent | undefined
  },
) => Promise<Prepared>

const keepAlive = [{ comment: 'keep-alive' }]

/** What one request's answer needs, all the way. */
type Exchange = {
  parts: DialectRouteParts
  dialect: Dialect
  request: FastifyRequest
  reply: FastifyReply
  record: RequestRecord
  decoded: DecodedRequest
  context: EncodeContext
  facts: AnswerFacts
  stop: StopSignal
  choices: Choices
  /** A failure in the caller's own words. */
  blame: (thrown: unknown) => unknown
}

/** The one handler of all dialects: decodes, runs the turn once a choice, and answers whole or as a stream. */
export function mountDialect(
  app: FastifyInstance,
  path: string,
  dialect: Dialect,
  parts: DialectRouteParts,
  prepare?: Prepare,
): void {
  app.post(path, (request, reply) => answer({ dialect, parts, prepare }, request, reply))
}

type Route = { dialect: Dialect; parts: DialectRouteParts; prepare: Prepare | undefined }

async function answer(
  { dialect, parts, prepare }: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { options } = parts
  const record = parts.records.of(request)
  if (request.body instanceof RepeatedBody) {
    await answerRepeated(request.body, request, reply, record)
    return
  }
  const uploaded = uploadedFiles(parts, record.owner)
  const prepared: Prepared = prepare
    ? await prepare(request.body, { request, reply, record, uploaded })
    : { body: hasParts(request.body) ? await withFiles(request.body, uploaded) : request.body }
  const { body, overruled } = withDeployment(request.raw, prepared.body)
  const decoded = decode(dialect, { ...prepared, body }, options)
  if (overruled !== undefined) decoded.notices.push(deploymentWins(overruled))
  const { turn } = decoded
  const bytes = bytesOfBody(body)
  // Without its bytes no request is taken for a repeated one: that would not be looked into, and so not be stored.
  if (bytes && !decoded.body && turn.source.body.store !== true) turn.source.bytes = bytes
  for (const one of decoded.turns ? new Set(decoded.turns) : [turn]) {
    if (uploaded && optionsNameFiles(one.claude))
      one.claude = await expandOptionFiles(one.claude, uploaded)
    if (record.isOneOfMany) one.isOneOfMany = true
  }
  record.facts.stream = decoded.stream
  record.facts.choices = decoded.choices
  // The caller's own word, which may be of any length.
  if (turn.model !== undefined) record.facts.requestedModel = turn.model.slice(0, 100)
  if (record.policy) checkTurn(record.policy, turn)
  const allowed = record.policy && allowanceOf(record.policy)
  // Nobody waits for what nearly every request has not.
  const hasLimits = record.policy?.limits !== undefined
  const admitted = hasLimits
    ? await admitTurn(parts.limiter, { record, reply, decoded })
    : undefined
  const context: EncodeContext = {
    body: decoded.body ?? turn.source.body,
    created: unixTime(),
    id: randomUUID().replaceAll('-', ''),
    now: unixTime,
    requestId: request.id,
    ...(prepared.settle && { settle: prepared.settle }),
    ...(prepared.seal && { seal: prepared.seal }),
  }
  const storing = storingOf(parts, request, { dialect, decoded, context, owner: record.owner })
  const noted = [...decoded.notices, ...(storing?.notices ?? [])]
  const facts = new AnswerFacts(noted, record, options.logContent === true)
  const stop = stopSignal(prepared.detach ? undefined : reply.raw, parts.shutdown)
  const observe = (choice: number, event: TurnEvent): void => {
    facts.push(choice, event)
    admitted?.push(choice, event)
    storing?.answer?.push(choice, event)
  }
  const keep = async (): Promise<void> => {
    const notice = await storing?.answer?.keep()
    if (notice) facts.push(0, { type: 'notice', notice })
  }
  const seeing = { observe, ...(storing?.answer && { keep }) }
  const choices = start(prepared.backend ?? parts.backend, decoded, seeing, stop, {
    requestId: request.id,
    owner: record.owner,
    cache: readCacheControl(request.headers['cache-control']),
    ...(allowed && { allowed }),
  })
  const exchange = {
    parts,
    dialect,
    request,
    reply,
    record,
    decoded,
    context,
    facts,
    stop,
    choices,
    blame: blamer(dialect, prepared, decoded),
  }
  const close = async (): Promise<void> => {
    if (options.logContent) {
      record.facts.content = { request: context.body, answer: facts.texts }
    }
    admitted?.finish()
    // What no model was asked has used nothing.
    if (!prepared.backend) countUsage(parts.usage, record, facts)
    await choices.close()
    stop.release()
  }
  if (prepared.detach) {
    await prepared.detach(detachedWork(exchange, close), request, reply)
    return
  }
  try {
    if (decoded.stream) await answerAsStream(exchange)
    else await answerWhole(exchange)
  } catch (thrown) {
    // Whoever has left is not answered; the record says 499.
    if (reply.raw.destroyed) reply.hijack()
    else {
      void reply.headers(facts.failureHeaders)
      throw stop.cancellation.aborted ? stop.cancellation.reason : exchange.blame(thrown)
    }
  } finally {
    await close()
  }
}

function detachedWork(exchange: Exchange, close: () => Promise<void>): DetachedWork {
  const { dialect, context, choices, decoded, request, reply, record, facts, stop } = exchange
  return {
    stream: dialect.openStream(context),
    events: () => choices.events(),
    isStreamed: decoded.stream,
    headers: { ...responseHeaders(request, reply, record), ...facts.headers },
    abort: stop.abort,
    errorOf: (thrown) => streamError(exchange, thrown),
    close,
  }
}

function decode(
  dialect: Dialect,
  { body, blame, seal }: Prepared,
  { strictParameters: strict, maxChoices }: DialectRouteParts['options'],
): DecodedRequest {
  try {
    return dialect.decode(body, { strict, maxChoices, ...(seal && { seal }) })
  } catch (thrown) {
    throw blame ? blame(thrown) : thrown
  }
}

/** Undefined where nothing is to be stored, as nearly always. */
function storingOf(
  { storing, telemetry }: DialectRouteParts,
  { id }: FastifyRequest,
  options: Pick<Parameters<typeof beginStoring>[1], 'dialect' | 'decoded' | 'context' | 'owner'>,
): ReturnType<typeof beginStoring> | undefined {
  if (!storing || options.context.body.store !== true) return undefined
  const onFault = (error: unknown): void => telemetry.fault(error, id)
  return beginStoring(storing.stored, { ...options, requestId: id, onFault })
}

/** Reads the uploads that one request names. */
export function uploadedFiles(
  { files }: DialectRouteParts,
  owner: string,
): SentContent | undefined {
  return files && new SentContent({ owner, files: files.book, limitBytes: files.messageLimitBytes })
}

/** The body with the content of the uploaded files that it names. */
async function withFiles(body: unknown, uploaded: SentContent | undefined): Promise<unknown> {
  const bytes = bytesOfBody(body)
  if (!uploaded || (bytes && !bufferOver(bytes).includes('"file_id"'))) return body
  return (await expandFileIds(body, uploaded)) ?? (await expandBlockFileIds(body, uploaded)) ?? body
}

function bufferOver({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** What came from the cache has used nothing, and has no usage. */
function countUsage(book: HttpParts['usage'], record: RequestRecord, facts: AnswerFacts): void {
  const { usage, provider = 'unknown', model = 'unknown' } = record.facts
  const { costUsd } = facts
  if (!usage) return
  book?.add({
    owner: record.owner,
    provider,
    model,
    usage,
    ...(costUsd !== undefined && { costUsd }),
  })
}

function start(
  backend: Backend,
  { turn, turns, stream, choices }: DecodedRequest,
  { observe, keep }: { observe: Observe; keep?: () => Promise<void> },
  stop: StopSignal,
  caller: Pick<TurnContext, 'requestId' | 'owner' | 'cache' | 'allowed'>,
): Choices {
  const { requestId, owner, cache, allowed } = caller
  const context: TurnContext = { requestId, owner, cancellation: stop.cancellation, stream }
  if (cache) context.cache = cache
  if (allowed) context.allowed = allowed
  const asked = Array.from({ length: choices }, (_, choice) => turns?.[choice] ?? turn)
  return new Choices({ backend, turns: asked, context }, stop.abort, observe, keep)
}

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8' }

async function answerWhole(exchange: Exchange): Promise<void> {
  const { dialect, parts, request, reply, record, decoded, choices, context, facts } = exchange
  const results = await choices.results()
  const written = dialect.writtenResult?.(results) ?? (await encodeWhole(dialect, results, context))
  const { bytes } = decoded.turn.source
  if (dialect.isRepeatable) {
    rememberHit(parts.cache, request, { record, facts, bytes, written, delivery: jsonHeaders })
  }
  await reply.headers(facts.headers).headers(jsonHeaders).send(written)
}

async function encodeWhole(
  dialect: Dialect,
  results: TurnResult[],
  context: EncodeContext,
): Promise<string> {
  const answer = dialect.encodeResult(results, context)
  return JSON.stringify((await context.settle?.(answer)) ?? answer)
}

async function answerAsStream(exchange: Exchange): Promise<void> {
  const { dialect, parts, request, reply, record, decoded, choices, context, facts } = exchange
  const { heartbeatMs } = parts.options
  const events = await awaitOpening(choices.events(), heartbeatMs)
  const headers = { ...responseHeaders(request, reply, record), ...facts.headers }
  const written: string[] | undefined = dialect.isRepeatable && isHit(facts) ? [] : undefined
  reply.hijack()
  const stream = dialect.openStream(context)
  const body = new SseBody(reply.raw, headers, {
    ...parts.options,
    heartbeat: () => stream.heartbeat?.() ?? keepAlive,
  })
  try {
    for await (const frame of stream.frames(events)) {
      written?.push(writeFrame(frame))
      await body.write(frame)
    }
    if (written) {
      const { bytes } = decoded.turn.source
      const all = { written: written.join(''), delivery: streamHeaders }
      rememberHit(parts.cache, request, { record, facts, bytes, ...all })
    }
  } catch (thrown) {
    const frames = stream.failure(streamError(exchange, thrown))
    if (stream.final) await context.settle?.(stream.final)
    for (const frame of frames) await body.write(frame)
  } finally {
    body.end()
  }
}

/** A failure once the status is out: it becomes the last frames. */
function streamError(exchange: Exchange, thrown: unknown): TurnError {
  const { parts, request, record, stop, blame } = exchange
  const cause: unknown = stop.cancellation.aborted ? stop.cancellation.reason : blame(thrown)
  const error = problem(cause, parts.options.bodyLimitBytes)
  record.facts.errorCode = error.code
  if (isFault(error)) parts.telemetry.fault(error.cause ?? error, request.id)
  return error
}

function unixTime(): number {
  return Math.floor(Date.now() / 1000)
}
