import {
  type AnswerPiece,
  readAnswer,
  readChunk,
  readError,
} from '../dialects/openai-chat/client.ts'
import { SseReader, type SseEvent } from '../dialects/sse-reader.ts'
import type { FinishReason, TurnEvent } from '../turn/event.ts'
import { noUsage, type Usage } from '../turn/usage.ts'
import type { Call } from './call.ts'
import { broken, brokenOff, type FailingUpstream, reportedFailure } from './failures.ts'

type Json = Record<string, unknown>

/** The bytes of an answer, and what is known of it before it is read. */
export type Answer = {
  bytes: AsyncIterable<Uint8Array>
  upstream: FailingUpstream
  /** Used when the upstream does not give the answer an id. */
  fallbackId: string
  /** Used when the upstream does not name the model. */
  requestedModel: string
}

/** The most chunks without output that are kept for the relay; more of them carry nothing and are left out. */
const mostHeldChunks = 64

const largestAnswerBytes = 64 * 1024 * 1024

/** A whole answer as events. Throws `upstream_error` when it is not JSON, says nothing, or is an error in disguise. */
export async function* wholeAnswer(answer: Answer, call: Call): AsyncGenerator<TurnEvent> {
  const text = await readText(answer.bytes, call, largestAnswerBytes)
  const body = parseObject(text)
  const { name } = answer.upstream
  if (!body) throw broken(`The API "${name}" answered with something that is not a JSON object.`)
  const piece = readAnswer(body)
  if (piece.error) throw reportedFailure(answer.upstream, piece.error)
  if (!isCommitment(piece)) throw broken(`The API "${name}" gave an empty answer.`)
  const progress = new Progress(answer)
  progress.add(piece)
  yield progress.start()
  yield relay(body)
  yield progress.finish('stop')
}

/**
 * A streamed answer as events, each chunk relayed as it came. What carries no output is held back until the first that does; until
 * then the answer can still fail without a trace. A stream that ends without a finish reason is a failure.
 */
export async function* streamedAnswer(answer: Answer, call: Call): AsyncGenerator<TurnEvent> {
  const { upstream } = answer
  const held: Json[] = []
  const progress = new Progress(answer)
  let isStarted = false
  for await (const chunk of readChunks(answer.bytes, call)) {
    const piece = readChunk(chunk.value)
    const error = piece.error ?? (chunk.isError ? {} : undefined)
    if (error) throw isStarted ? brokenOff(upstream) : reportedFailure(upstream, error)
    progress.add(piece)
    if (!isStarted && isCommitment(piece)) {
      isStarted = true
      call.enter('idle')
      yield progress.start()
      for (const earlier of held) yield relay(earlier)
    }
    if (isStarted) yield relay(chunk.value)
    else if (held.length < mostHeldChunks) held.push(chunk.value)
    if (isStarted && piece.finish) call.enter('trailer')
  }
  if (!isStarted) throw broken(`The API "${upstream.name}" gave an empty answer.`)
  yield progress.finish()
}

/** Output, or the reason why there is none. An answer that just stops without a word is a fault and can still be had elsewhere. */
function isCommitment({ hasOutput, finish }: AnswerPiece): boolean {
  return hasOutput || finish === 'length' || finish === 'content-filter'
}

function relay(value: Json): TurnEvent {
  return { type: 'relay', dialect: 'openai-chat', value }
}

/** What the pieces have told so far. */
class Progress {
  readonly #answer: Answer
  #id: string | undefined
  #model: string | undefined
  #finish: FinishReason | undefined
  #usage: Usage | undefined

  constructor(answer: Answer) {
    this.#answer = answer
  }

  add(piece: AnswerPiece): void {
    this.#id ??= piece.id
    // Some vendors begin with an empty name.
    if (piece.model) this.#model = piece.model
    this.#finish = piece.finish ?? this.#finish
    this.#usage = piece.usage ?? this.#usage
  }

  start(): TurnEvent {
    return {
      type: 'start',
      id: this.#id ?? this.#answer.fallbackId,
      provider: this.#answer.upstream.name,
      model: this.#model ?? this.#answer.requestedModel,
    }
  }

  /** Throws when no reason came and none is given. */
  finish(otherwise?: FinishReason): TurnEvent {
    const reason = this.#finish ?? otherwise
    if (!reason) throw brokenOff(this.#answer.upstream)
    return {
      type: 'finish',
      reason,
      model: this.#model ?? this.#answer.requestedModel,
      usage: this.#usage ?? noUsage,
    }
  }
}

type Chunk = { value: Json; isError: boolean }

/** The chunks of a stream up to `[DONE]` or its end. What is not a JSON object is skipped. */
async function* readChunks(bytes: AsyncIterable<Uint8Array>, call: Call): AsyncGenerator<Chunk> {
  let isDone = false
  for await (const event of readEvents(bytes, call)) {
    if (isDone) continue
    if (event.data === '[DONE]') {
      isDone = true
      // What is left is read to its end, so that the connection can be used again.
      call.enter('drain')
      continue
    }
    const isError = event.event === 'error'
    const value = parseObject(event.data) ?? (isError ? {} : undefined)
    if (!value) continue
    yield { value: isError && !readError(value) ? { error: value } : value, isError }
  }
}

async function* readEvents(bytes: AsyncIterable<Uint8Array>, call: Call): AsyncGenerator<SseEvent> {
  const reader = new SseReader()
  const pieces = bytes[Symbol.asyncIterator]()
  for (;;) {
    let piece
    try {
      piece = await call.next(pieces)
    } catch (thrown) {
      if (call.isAnswered) return
      throw thrown
    }
    if (piece.done) break
    yield* reader.push(piece.value)
  }
  yield* reader.end()
}

/** The text of a body; throws `upstream_error` when it is larger than the limit. */
export async function readText(
  bytes: AsyncIterable<Uint8Array>,
  call: Call,
  limitBytes: number,
): Promise<string> {
  const pieces = bytes[Symbol.asyncIterator]()
  const read: Uint8Array[] = []
  let size = 0
  for (let piece = await call.next(pieces); !piece.done; piece = await call.next(pieces)) {
    size += piece.value.length
    if (size > limitBytes) throw broken('An API answered with more than this server takes.')
    read.push(piece.value)
  }
  return Buffer.concat(read).toString('utf8')
}

/** The JSON object in a text, or undefined when it holds anything else. */
export function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Json)
      : undefined
  } catch {
    return undefined
  }
}
