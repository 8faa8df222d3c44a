import type { TurnEvent } from './event.ts'
import type { Turn } from './turn.ts'

/** What surrounds a turn: who asks, and when to stop. */
export type TurnContext = {
  /** Aborted when the caller has left or the server shuts down; the backend stops within a second and throws. */
  signal: AbortSignal
  /** The id that the caller sees in `x-request-id` and that log lines carry. */
  requestId: string
  /** Who asks: callers with different owners never see each other's sessions. */
  owner: string
  /** Whether the caller reads the answer as a stream. */
  stream: boolean
}

/** Something that answers turns: Claude Code, another vendor's API, or backends made of backends. */
export interface Backend {
  /** As shown in `x-provider`. */
  readonly name: string
  /**
   * Answers one turn by the protocol of `TurnEvent`. Nothing happens before the first pull. Fails by throwing a
   * `TurnError`. Reading to the end, `return()` and `context.signal` all free what the turn held.
   */
  run(turn: Turn, context: TurnContext): AsyncIterable<TurnEvent>
}
