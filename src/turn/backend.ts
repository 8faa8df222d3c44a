import type { Cancellation } from './cancellation.ts'
import type { TurnError } from './error.ts'
import type { TurnEvent } from './event.ts'
import type { Turn } from './turn.ts'

/** What a caller wants of the cache for one request (its `Cache-Control`). */
export type CacheControl = {
  /** Neither given from the cache nor kept in it. */
  noStore?: boolean
  /** Asked anew; the new answer replaces the old one. */
  noCache?: boolean
  /** The oldest answer that will do. */
  maxAgeMs?: number
}

/** What a key leaves of what the owner's settings allow; each absent list leaves all. */
export type Allowance = {
  /** Names of the providers that may answer. */
  providers?: readonly string[]
  /** Built-in tools, in the rule syntax of Claude Code. */
  tools?: readonly string[]
  /** Absolute folders. */
  workspaceRoots?: readonly string[]
  /** What a turn may cost. */
  budgetUsd?: number
}

/** What surrounds a turn: who asks, and when to stop. */
export type TurnContext = {
  /** Aborted when the caller has left or the server shuts down; the backend stops within a second and throws. */
  cancellation: Cancellation
  /** The id that the caller sees in `x-request-id` and that log lines carry. */
  requestId: string
  /** Who asks: callers with different owners never see each other's sessions. */
  owner: string
  /** Whether the caller reads the answer as a stream. */
  stream: boolean
  cache?: CacheControl
  /** Somebody else could answer instead: silence need not be waited for to its end. */
  hasOthers?: boolean
  /** What the caller's key leaves of what the owner allows; absent: all. */
  allowed?: Allowance
}

/** Something that answers turns: Claude Code, another vendor's API, or backends made of backends. */
export interface Backend {
  /** As shown in `x-provider`. */
  readonly name: string
  /**
   * Answers one turn by the protocol of `TurnEvent`. Nothing happens before the first pull. Fails by throwing a
   * `TurnError`. Reading to the end, `return()` and `context.cancellation` all free what the turn held.
   */
  run(turn: Turn, context: TurnContext): AsyncIterable<TurnEvent>
  /**
   * The same for a caller that reads no stream, where answers come whole: what is there at once is given at once, and no event of it waits
   * for a pull of its own. Absent: `run` is read. Called once, in place of `run`. What `run` would throw is thrown, or is the `failure` where
   * something was said before it. Until the promise is settled only `context.cancellation` ends it; then `rest` is to be read or returned.
   */
  begin?(turn: Turn, context: TurnContext): Begun | Promise<Begun>
}

/** An answer as far as it has come. */
export type Begun = {
  events: readonly TurnEvent[]
  /** Ended it after `events`. */
  failure?: TurnError
  /** What follows; absent: nothing does. */
  rest?: AsyncIterator<TurnEvent>
}
