import type { Seal } from '../lib/seal.ts'
import type { TurnError } from '../turn/error.ts'
import type { Notice, TurnEvent } from '../turn/event.ts'
import type { TurnResult } from '../turn/result.ts'
import type { Turn } from '../turn/turn.ts'
import type { SseFrame } from './sse.ts'

/** A request understood: the turn, and how the caller wants the answer. */
export type DecodedRequest = {
  turn: Turn
  /** Where the choices answer different turns: one a choice, `turn` being the first. */
  turns?: readonly Turn[]
  /** The caller's body, where the source of the turn is a translation of it. */
  body?: Readonly<Record<string, unknown>>
  stream: boolean
  /** How many answers (`n`). */
  choices: number
  /** Fields as whoever answers calls them, and as the caller wrote them, where the turn has them from elsewhere. */
  fields?: ReadonlyMap<string, string>
  /** What the request asked for and will not get. */
  notices: Notice[]
}

/** An event of one of several answers to the same turn. */
export type ChoiceEvent = { choice: number; event: TurnEvent }

/** A wire format that this server speaks. Pure: no I/O, no clock but the one it is given. */
export interface Dialect {
  readonly name: string
  /** Whether an answer from the cache may be given again as it was written, with the new request's id in place of the old one. */
  readonly isRepeatable?: true
  /** Throws a `TurnError` that names the field, what came and what is allowed. */
  decode(body: unknown, options: DecodeOptions): DecodedRequest
  /** Has a sentence, or the name of a field, say this dialect's fields where it says those of chat completions; absent: they are the same. */
  ownFields?(text: string): string
  /** The whole answer; one result a choice. */
  encodeResult(results: TurnResult[], request: EncodeContext): Record<string, unknown>
  /** The whole answer where it is written already, by an upstream of this dialect; undefined where it is not. */
  writtenResult?(results: TurnResult[]): string | undefined
  /** The answer as a stream. */
  openStream(request: EncodeContext): StreamEncoder
  /** `requestId`: for dialects whose errors name it. */
  encodeError(error: TurnError, requestId?: string): Record<string, unknown>
}

/** One answer as a stream of frames. */
export interface StreamEncoder {
  /** Each frame is written as it arrives. Throws what the events throw; the caller then writes `failure`. Read once. */
  frames(events: AsyncIterable<ChoiceEvent>): AsyncIterable<SseFrame>
  /** The last frames of a stream that failed, at any time; then it ends. */
  failure(error: TurnError): readonly SseFrame[]
  /** What bridges a silence; absent: a comment does. */
  heartbeat?(): readonly SseFrame[]
  /** The answer before anything of it is said, where the dialect tells it. */
  readonly begun?: Record<string, unknown>
  /** The whole answer once the stream has said all of it, where the dialect tells it. */
  readonly final?: Record<string, unknown> | undefined
}

export type DecodeOptions = {
  /** Refuse what would otherwise be ignored and disclosed. */
  strict: boolean
  /** The largest `n`. */
  maxChoices: number
  /** Opens what an earlier answer had its caller keep; absent: that is not looked into. */
  seal?: Seal
}

export type EncodeContext = {
  /** As the caller sees it in the headers. */
  requestId: string
  /** The request body, for what the answer's shape depends on (`stream_options`). */
  body: Readonly<Record<string, unknown>>
  /** Unix time in seconds, the answer's `created`. */
  created: number
  /** New for each request, and nobody's else: what the answer's own id is made of. */
  id: string
  /** Unix time in seconds, by now. */
  now: () => number
  /** Closes what its caller is to keep and cannot read; absent: nothing is. */
  seal?: Seal
  /** Told the whole answer before its last word goes out; what it gives back is said instead. Never throws. */
  settle?: (answer: Record<string, unknown>) => Promise<Record<string, unknown>>
}
