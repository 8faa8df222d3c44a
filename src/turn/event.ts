import type { Usage } from './usage.ts'

/**
 * Why an answer ended. `stop`: of itself or at a stop sequence; `length`: at a token or turn limit; `tool-calls`: the caller's
 * tools are to be run.
 */
export type FinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls'

/** A tool that Claude Code ran here, or what came of it; shown to callers that ask for `include_activity`. */
export type Activity =
  | { type: 'tool-use'; id: string; name: string; input: unknown; parentId?: string }
  | { type: 'tool-result'; id: string; content: unknown; isError: boolean; parentId?: string }

/** What was asked for and not honoured, or honoured in another way; disclosed in response headers. */
export type Notice =
  | { type: 'ignored-parameter'; name: string }
  | { type: 'dropped-option'; name: string }
  | { type: 'model-mapped'; from: string; to: string }
  | { type: 'remark'; text: string }
  /** A provider was asked, or passed over: `answered`, `resting`, or the code of its failure. */
  | { type: 'attempt'; provider: string; outcome: string }
  /** The answer comes from the cache, was not in it, or is another caller's turn as well; `savedTokens`: what was not asked for. */
  | {
      type: 'cache'
      state: 'hit' | 'miss' | 'shared'
      key: string
      ageMs?: number
      savedTokens?: number
    }

/** What only Claude Code can tell of a turn. */
export type ClaudeRun = {
  /** Give it back as `claude_options.session_id` to resume; absent where the session is not kept. */
  sessionId?: string
  /** Claude Code's own estimate, in US dollars, of this turn alone. */
  costUsd: number
  durationMs: number
  /** Model round trips. */
  turns: number
  /** Where the debug log of this request was written, if it was asked for. */
  debugLog?: string
}

type Json = Readonly<Record<string, unknown>>

/** An upstream's own words: the body of a whole answer, or chunks of a streamed one. */
export type Relay =
  | { dialect: string; body: Json; text?: string }
  | { dialect: string; chunks: readonly Json[]; text: string }

/**
 * What a backend says while it answers. The protocol:
 *
 * - `notice` may come at any time, and those before `start` can still become response headers.
 * - `start` comes once, when the first output is there. It is the point of no return: a failure before it may be answered
 *   by another backend, a failure after it belongs to this answer.
 * - Blocks are numbered from 0, opened, filled and closed one after another, never interleaved.
 * - `activity` comes between blocks.
 * - `finish` comes once, last. A failure is never an event: the iterator throws a `TurnError`.
 * - `relay` carries a piece of an upstream's answer as it came: the whole body, or the chunks of a stream that arrived together
 *   (`text`: the same as frames). A backend that relays says `start`, then only `relay`, then `finish`.
 */
export type TurnEvent =
  | { type: 'notice'; notice: Notice }
  | {
      type: 'start'
      id: string
      provider: string
      model: string
      sessionId?: string
      /** What is counted by now: the prompt, and the first tokens of the answer. Absent: not told yet. */
      usage?: Usage
    }
  | { type: 'text-start'; block: number }
  | { type: 'text-delta'; block: number; text: string }
  | { type: 'text-end'; block: number }
  | { type: 'reasoning-start'; block: number }
  | { type: 'reasoning-delta'; block: number; text: string }
  /** `signature`: the API's own seal of the thinking, without which it does not take it back. */
  | { type: 'reasoning-end'; block: number; signature?: string }
  /** A whole block of thinking that only the API can read. */
  | { type: 'sealed-reasoning'; block: number; data: string }
  | {
      type: 'tool-call-start'
      block: number
      id: string
      name: string
      kind: 'function' | 'custom'
    }
  /** A piece of the call's input: JSON text for a function, free text for a custom tool. */
  | { type: 'tool-call-delta'; block: number; input: string }
  | { type: 'tool-call-end'; block: number }
  | { type: 'activity'; activity: Activity }
  | ({ type: 'relay' } & Relay)
  | {
      type: 'finish'
      reason: FinishReason
      model: string
      usage: Usage
      /** The one of the turn's stop sequences that ended the answer. */
      stopSequence?: string
      claude?: ClaudeRun
      /** What it has cost in US dollars, by the price that its owner has stated; what Claude Code says is in `claude`. */
      costUsd?: number
      /** The answer was neither cut nor asked for again: whoever gave it knows what the caller knows. */
      endedItself?: boolean
    }
