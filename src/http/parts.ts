import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { BatchBook } from '../batch/batch-book.ts'
import type { FileBook } from '../files/file-book.ts'
import type { Cancellation } from '../turn/cancellation.ts'
import type { Seal } from '../lib/seal.ts'
import type { ResponseBook } from '../responses/response-book.ts'
import type { RequestFinished, Telemetry } from '../telemetry/events.ts'
import type { Allowance, Backend } from '../turn/backend.ts'
import type { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'

import type { Session, Sessions } from '../storage/parts/sessions.ts'
import type { SessionMessage } from '../turn/session-message.ts'
import type { KeyBook } from '../access/keys.ts'
import type { Limiter } from '../access/limits.ts'
import type { UsageBook } from '../access/usage.ts'
import type { Lines } from './lines.ts'
import type { StoredParts } from './stored-answer.ts'
import type { StoredKeys } from './middleware/authenticate.ts'

/** Everything that the HTTP layer stands on. */
export type HttpParts = {
  options: HttpOptions
  backend: Backend
  models: { list(): Promise<ModelEntry[]> }
  /** Whether a turn could be answered now. */
  readiness: () => Promise<Readiness>
  /** The text for Prometheus. */
  metrics: () => Promise<{ contentType: string; text: string }>
  /** Who gets a request that is no turn, by the first part of its path (`embeddings`); absent or undefined: nobody. */
  passthrough?: (
    endpoint: string,
  ) => PassthroughTarget | undefined | Promise<PassthroughTarget | undefined>
  /** Absent: there is no cache. */
  cache?: CacheParts
  /** Uploaded files; absent: there are none. */
  files?: { book: FileBook; uploadLimitBytes: number; messageLimitBytes: number }
  /** Responses that are kept; absent: none are. */
  responses?: ResponseBook
  /** Closes what callers of responses keep for this server; absent: nothing is. */
  seal?: Promise<Seal>
  /** Absent: there are none. */
  batches?: BatchBook
  /** The lines of batches that are being asked. */
  lines?: Lines
  /** Absent: none are kept. */
  sessions?: SessionParts
  /** Chat completions that callers ask to store; absent: none are. */
  stored?: StoredParts
  /** Keys besides the one of the settings; absent: none. */
  storedKeys?: StoredKeys
  /** What the admin API makes and changes keys with. */
  keyBook?: () => Promise<KeyBook>
  /** Counts what callers use. */
  usage?: Pick<UsageBook, 'add' | 'list'>
  /** Holds stored keys to their limits. */
  limiter?: Pick<Limiter, 'admit'>
  telemetry: Pick<Telemetry, 'requestFinished' | 'fault'>
  /** Aborted when the grace time after a stop is over: what still runs ends with `shutting_down`. */
  shutdown?: AbortSignal
}

/** Sessions by their owners; `remove` takes away their transcripts too, and throws `session_busy` while one is answered in. */
export type SessionParts = Pick<Sessions, 'find' | 'list' | 'change' | 'remove'> & {
  /** What was said, in order; undefined when there is no such session. */
  messages(id: string, owner: string): Promise<SessionMessage[] | undefined>
  /** A new session that goes on from the other one; undefined when there is none. */
  fork(id: string, owner: string, asked: SessionFork): Promise<Session | undefined>
}

export type SessionFork = {
  /** Absent: as the other one's, with a remark; null: none. */
  title?: string | null
  /** Absent: the other one's. */
  metadata?: Record<string, string>
  /** The id of the last message that is copied; absent: all are. */
  upTo?: string
}

/** What a caller may see of the cache, and forget: what is its own. */
export type CacheAdmin = {
  report(owner: string): Promise<Record<string, unknown>>
  /** One entry, or all; returns how many. */
  clear(owner: string, key?: string): Promise<number>
}

/** The pieces of an answer around its id, which is new each time; without one, all of it. */
export type WrittenBody = readonly string[]

/** A hit as it was written once. */
export type WrittenHit = {
  key: string
  /** `content-type` among them. */
  headers: Record<string, string>
  body: WrittenBody
  facts: Partial<RequestFinished>
}

export type CacheParts = CacheAdmin & {
  /** What the very bytes of a request have been answered with, if that may be given again. */
  find(owner: string, path: string, bytes: Uint8Array): (WrittenHit & { ageMs: number }) | undefined
  keep(owner: string, path: string, bytes: Uint8Array, hit: WrittenHit): void
}

/** Who takes requests as they come: the answer, or why there is none, and what became of each attempt. Never throws. */
export type PassthroughTarget = {
  pass(request: {
    path: string
    headers: IncomingHttpHeaders
    body: AsyncIterable<Uint8Array>
    cancellation: Cancellation
    requestId: string
    allowed?: Allowance
  }): Promise<{
    told: readonly TurnEvent[]
    outcome:
      | {
          provider: string
          status: number
          headers: Record<string, string>
          body: Readable | Uint8Array
        }
      | TurnError
  }>
}

export type HttpOptions = {
  /** The address that the server listens on; clients may name it in `Host`. */
  host: string
  /** Absent: no key is asked for. */
  apiKey?: string
  /** Absent: the admin API is off. */
  adminKey?: string
  /** Origins of web pages that may call; `*` is every one. */
  corsOrigins: readonly string[]
  /** More names that clients may use in `Host`; without ports. */
  allowedHosts: readonly string[]
  bodyLimitBytes: number
  /** How long a stream may be silent before a comment is written. */
  heartbeatMs: number
  /** How long the reader of a stream may take nothing of it. */
  readerMs: number
  /** How long a WebSocket may be used; absent: an hour. */
  socketLifeMs?: number
  strictParameters: boolean
  maxChoices: number
  /** Hand prompts and answers to telemetry. */
  logContent?: boolean
}

/** A model in `GET /v1/models`, in OpenAI's words. */
export type ModelEntry = {
  id: string
  /** Unix time in seconds. */
  created: number
  owned_by: string
  display_name?: string
  /** In tokens; absent as long as nobody has told it. */
  size?: { contextTokens: number; outputTokens: number }
}

/** A provider and what its breaker does. */
export type ProviderStanding = { name: string; state: string; code?: string; until?: string }

/** What `/ready` says; more fields may be added for people. */
export type Readiness = {
  [detail: string]: unknown
  ready: boolean
  /** Why not, each with what to do. */
  reasons: string[]
  /** Turns that run, the most that may, and those that wait for a place. */
  capacity?: { running: number; limit: number; queued: number }
  /** Who answers, in order, and the endpoints of theirs that rest; `until` is ISO 8601. */
  providers?: ProviderStanding[]
  endpoints?: ProviderStanding[]
}
