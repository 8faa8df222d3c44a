import type { ErrorCode } from '../turn/error.ts'
import type { Usage } from '../turn/usage.ts'

/** A request that is over, answered or not. What it never got to know is absent. */
export type RequestFinished = {
  /** As in `x-request-id`. */
  id: string
  method: string
  /** The route's pattern, or the path when none matched; never the query. */
  route: string
  /** None matched. */
  unrouted?: true
  /** The HTTP status; 499 when the caller left first. */
  status: number
  durationMs: number
  /** Who answered, as in `x-provider`. */
  provider?: string
  /** The model that answered. */
  model?: string
  requestedModel?: string
  /** `n`. */
  choices?: number
  stream?: boolean
  /** `hit` and `shared`: nothing was asked of a model for it, and `usage` is absent. */
  cache?: 'hit' | 'miss' | 'shared'
  /** From the request's arrival to the first output. */
  firstTokenMs?: number
  usage?: Usage
  /** Also set when a stream failed after its status was sent. */
  errorCode?: ErrorCode
  /** The prompt and the answer; written only when the owner set LOG_CONTENT. */
  content?: unknown
}

/** A turn that another backend takes over, before any output. */
export type ProviderSwitched = { id: string; from: string; to: string; code: ErrorCode }

/** A provider's breaker changed: `closed`, `paused`, `open` or `probing`; the failure that did it, and the end of the wait. */
export type ProviderState = { provider: string; state: string; code?: ErrorCode; until?: string }

/** A webhook was sent, or could not be. `status` is what its receiver answered; the rest of the address is not for logs. */
export type WebhookTried = {
  id: string
  batch: string
  host: string
  attempt: number
  outcome: 'delivered' | 'failed' | 'given-up'
  status?: number
  failure?: string
}

/** A Claude Code process, by its process id. */
export type ProcessStarted = { pid: number; requestId?: string; startMs?: number }

/** `exitCode` is null when a signal ended it. */
export type ProcessEnded = {
  pid: number
  exitCode: number | null
  signal?: string
  reason?: string
}

/**
 * What the server tells about itself: one method an event. Methods return at once and never throw. Nothing that
 * a caller wrote or a model answered belongs in an event, but for `RequestFinished.content`.
 */
export interface Telemetry {
  serverStarted(event: { url: string }): void
  serverStopped(event: { reason: string }): void
  requestFinished(event: RequestFinished): void
  providerSwitched(event: ProviderSwitched): void
  providerState(event: ProviderState): void
  webhookTried(event: WebhookTried): void
  processStarted(event: ProcessStarted): void
  processEnded(event: ProcessEnded): void
  /** Something the owner should know or change, in one sentence. */
  warning(text: string): void
  /** A fault of this server or of what it stands on: the details that the caller is not told. */
  fault(error: unknown, id?: string): void
}
