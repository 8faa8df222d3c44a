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
  /** What the request asked for and will not get. */
  notices: Notice[]
}

/** An event of one of several answers to the same turn. */
export type ChoiceEvent = { choice: number; event: TurnEvent }

/** A wire format that this server speaks. Pure: no I/O, no clock but the one it is given. */
export interface Dialect {
  readonly name: string
  /** Throws a `TurnError` that names the field, what came and what is allowed. */
  decode(body: unknown, options: DecodeOptions): DecodedRequest
  /** The whole answer; one result a choice. */
  encodeResult(results: TurnResult[], request: EncodeContext): Record<string, unknown>
  /** The whole answer where it is written already, by an upstream of this dialect; undefined where it is not. */
  writtenResult?(results: TurnResult[]): string | undefined
  /** The answer as frames, each written as it arrives. Throws what the events throw; the caller then writes `encodeStreamError`. */
  encodeStream(events: AsyncIterable<ChoiceEvent>, request: EncodeContext): AsyncIterable<SseFrame>
  encodeError(error: TurnError): Record<string, unknown>
  encodeStreamError(error: TurnError): SseFrame[]
}

export type DecodeOptions = {
  /** Refuse what would otherwise be ignored and disclosed. */
  strict: boolean
  /** The largest `n`. */
  maxChoices: number
}

export type EncodeContext = {
  /** The request body, for what the answer's shape depends on (`stream_options`). */
  body: Readonly<Record<string, unknown>>
  /** Unix time in seconds, the answer's `created`. */
  created: number
}
