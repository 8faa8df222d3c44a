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
import { brokenOff, type FailingUpstream, noAnswer, reportedFailure } from './failures.ts'

type Json = Record<string, unknown>

/** What is known of an answer before it is read. */
export type AnswerFacts = {
  upstream: FailingUpstream
  /** Used when the upstream does not give the answer an id. */
  fallbackId: string
  /** Used when the upstream does not name the model. */
  requestedModel: string
  /** The chunk that tells what was used is kept from the caller, who has not asked for it. */
  hidesUsage?: boolean
}

/** The bytes of a streamed answer as well. */
export type Answer = AnswerFacts & { bytes: AsyncIterable<Uint8Array> }

/** The most chunks without output that are kept for the relay; more of them carry nothing and are left out. */
const mostHeldChunks = 64

/**
 * A whole answer as events. Throws `upstream_invalid_answer` when it is not JSON or says nothing, and what an error in disguise means.
 */
export function wholeEvents(text: string, answer: AnswerFacts): TurnEvent[] {
  const body = parseObject(text)
  const { upstream } = answer
  const { name } = upstream
  if (!body) throw noAnswer(`The API "${name}" answered with something that is not a JSON object.`)
  const piece = readAnswer(body)
  if (piece.error) throw reportedFailure(upstream, piece.error)
  if (!isCommitment(piece)) throw noAnswer(`The API "${name}" gave an empty answer.`)
  const progress = new Progress(answer)
  progress.add(piece)
  return [
    progress.start(),
    { type: 'relay', dialect: 'openai-chat', body, text },
    progress.finish('stop'),
  ]
}

/**
 * A streamed answer: what arrives together is relayed together, as it came. What carries no output is held back until the first that does;
 * until then the answer can still fail without a trace. A stream that ends without a finish reason is a failure.
 */
export class StreamedAnswer {
  readonly #stream: AnswerStream
  readonly #pieces: AsyncIterator<Uint8Array>
  readonly #call: Call
  #isRead = false

  constructor(answer: Answer, call: Call) {
    this.#stream = new AnswerStream(answer, call)
    this.#pieces = answer.bytes[Symbol.asyncIterator]()
    this.#call = call
  }

  /** Events that are there together at once, and undefined at the end. Throws what is wrong with it. */
  async next(): Promise<TurnEvent[] | undefined> {
    // What was read before a failure is passed on before it is told.
    if (this.#stream.failure) throw this.#stream.failure
    if (this.#isRead) return undefined
    const events = this.#stream.push(await this.#next())
    if (events.length === 0 && this.#stream.failure) throw this.#stream.failure
    return events
  }

  /** The next piece; undefined at the end, which a cut is as well once the answer is whole. */
  async #next(): Promise<Uint8Array | undefined> {
    const sinceMs = this.#call.waits()
    try {
      const step = await this.#pieces.next()
      if (!step.done) return step.value
      this.#isRead = true
      this.#call.over()
      return undefined
    } catch (thrown) {
      if (!this.#call.isAnswered) throw thrown
      this.#isRead = true
      return undefined
    } finally {
      this.#call.waited(sinceMs)
    }
  }
}

/** The chunks of a stream up to `[DONE]` or its end, and how far the answer has come. What is not a JSON object is skipped. */
class AnswerStream {
  readonly #reader = new SseReader()
  readonly #answer: Answer
  readonly #call: Call
  readonly #progress: Progress
  #held: Json[] = []
  #text = ''
  #isStarted = false
  #isDone = false
  failure: Error | undefined

  constructor(answer: Answer, call: Call) {
    this.#answer = answer
    this.#call = call
    this.#progress = new Progress(answer)
  }

  /** What these bytes say; undefined: the stream has ended. */
  push(bytes: Uint8Array | undefined): TurnEvent[] {
    const wasStarted = this.#isStarted
    try {
      for (const event of bytes ? this.#reader.push(bytes) : this.#reader.end()) this.#take(event)
    } catch (thrown) {
      this.failure = thrown instanceof Error ? thrown : new Error('unknown', { cause: thrown })
    }
    const events: TurnEvent[] = []
    if (this.#isStarted && !wasStarted) events.push(this.#progress.start())
    if (this.#isStarted && this.#held.length > 0) events.push(this.#relay())
    if (bytes === undefined && !this.failure) this.#finish(events)
    return events
  }

  #take(event: SseEvent): void {
    if (this.#isDone) return
    if (event.data === '[DONE]') {
      this.#isDone = true
      // What is left is read to its end, so that the connection can be used again.
      this.#call.enter('drain')
      return
    }
    const isError = event.event === 'error'
    const value = parseObject(event.data) ?? (isError ? {} : undefined)
    if (!value) return
    this.#call.heard()
    const piece = readChunk(value)
    const error = piece.error ?? (isError ? (readError({ error: value }) ?? {}) : undefined)
    if (error) {
      const { upstream } = this.#answer
      throw this.#isStarted ? brokenOff(upstream) : reportedFailure(upstream, error)
    }
    this.#progress.add(piece)
    if (!this.#isStarted && isCommitment(piece)) {
      this.#isStarted = true
      this.#call.enter('idle')
    }
    const isHidden = this.#answer.hidesUsage && isOnlyUsage(value)
    if (!isHidden && (this.#isStarted || this.#held.length < mostHeldChunks)) {
      this.#held.push(value)
      this.#text += frameOf(event.data, value)
    }
    if (this.#isStarted && piece.finish) this.#call.enter('trailer')
  }

  #relay(): TurnEvent {
    const event: TurnEvent = {
      type: 'relay',
      dialect: 'openai-chat',
      chunks: this.#held,
      text: this.#text,
    }
    this.#held = []
    this.#text = ''
    return event
  }

  #finish(events: TurnEvent[]): void {
    const { upstream } = this.#answer
    if (!this.#isStarted)
      this.failure = noAnswer(`The API "${upstream.name}" gave an empty answer.`)
    else if (this.#progress.hasReason) events.push(this.#progress.finish())
    else this.failure = brokenOff(upstream)
  }
}

/** The chunk that `include_usage` adds. */
function isOnlyUsage({ choices, usage }: Json): boolean {
  return Array.isArray(choices) && choices.length === 0 && typeof usage === 'object'
}

/** A frame with the upstream's own words; JSON over several lines is written anew. */
function frameOf(data: string, value: Json): string {
  return `data: ${data.includes('\n') ? JSON.stringify(value) : data}\n\n`
}

/** Output, or the reason why there is none. An answer that just stops without a word is a fault and can still be had elsewhere. */
function isCommitment({ hasOutput, finish }: AnswerPiece): boolean {
  return hasOutput || finish === 'length' || finish === 'content-filter'
}

/** What the pieces have told so far. */
class Progress {
  readonly #answer: AnswerFacts
  #id: string | undefined
  #model: string | undefined
  #finish: FinishReason | undefined
  #usage: Usage | undefined

  constructor(answer: AnswerFacts) {
    this.#answer = answer
  }

  add(piece: AnswerPiece): void {
    this.#id ??= piece.id
    // Some vendors begin with an empty name.
    if (piece.model) this.#model = piece.model
    this.#finish = piece.finish ?? this.#finish
    this.#usage = piece.usage ?? this.#usage
  }

  get hasReason(): boolean {
    return this.#finish !== undefined
  }

  start(): TurnEvent {
    return {
      type: 'start',
      id: this.#id ?? this.#answer.fallbackId,
      provider: this.#answer.upstream.name,
      model: this.#model ?? this.#answer.requestedModel,
    }
  }

  finish(otherwise: FinishReason = 'stop'): TurnEvent {
    return {
      type: 'finish',
      reason: this.#finish ?? otherwise,
      model: this.#model ?? this.#answer.requestedModel,
      usage: this.#usage ?? noUsage,
    }
  }
}

/** The text of a body; throws `upstream_invalid_answer` when it is larger than the limit. */
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
    if (size > limitBytes) throw noAnswer('An API answered with more than this server takes.')
    read.push(piece.value)
  }
  call.over()
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
