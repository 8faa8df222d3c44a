import type { StoredFile } from './files.ts'
import type { StoredWebhook } from './webhooks.ts'

/** Every state of OpenAI's. `src/batch/README.md` says how one follows another. */
export type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled'

/** A line that is not as it must be, or what is wrong with the whole file. */
export type BatchProblem = {
  code: string
  message: string
  /** Counted from 1. */
  line?: number
  param?: string
}

/** What the lines that were answered have used. */
export type BatchUse = {
  inputTokens: number
  cachedTokens: number
  outputTokens: number
  reasoningTokens: number
  costMicros: number
}

export type StoredBatch = {
  id: string
  owner: string
  /** The stored key that made it, whose policy and limits its lines are held to. */
  keyId?: string
  /** The path that every line asks. */
  endpoint: string
  inputFile: string
  status: BatchStatus
  metadata?: Record<string, string>
  problems?: BatchProblem[]
  outputFile?: string
  errorFile?: string
  /** How long the output files are kept; absent: as the owner of the server decides. */
  outputKeepMs?: number
  createdMs: number
  expiresMs: number
  /** When it came to a state. */
  times: Partial<Record<BatchStatus, number>>
  counts: { total: number; completed: number; failed: number }
  use: BatchUse
}

/** Where a line is in the input file; `n` counts from 0. */
export type BatchItem = { n: number; at: number; bytes: number }

/** A line that was taken; `attempts` counts those before this one. */
export type TakenItem = BatchItem & { attempts: number }

export type BatchResult = {
  n: number
  isError: boolean
  /** The line of the output or error file, without its end. */
  body: string
  use?: BatchUse
}

export type BatchMove = {
  from: readonly BatchStatus[]
  to: BatchStatus
  atMs: number
  total?: number
  problems?: BatchProblem[]
  /** Only while they are these. */
  counts?: StoredBatch['counts']
  /** Whom to tell of it; kept together with it. */
  webhook?: StoredWebhook
}

export interface Batches {
  insert(batch: StoredBatch): Promise<void>
  find(owner: string, id: string): Promise<StoredBatch | undefined>
  /** Newest first; one more than the limit where there are more. */
  list(query: { owner: string; after?: string; limit: number }): Promise<StoredBatch[]>
  /** Those that something is to be done for, oldest first; 100 at the most. */
  open(): Promise<StoredBatch[]>
  /** To another state; undefined when it is in none of `from`. Of two that try at the same time one succeeds. */
  move(id: string, move: BatchMove): Promise<StoredBatch | undefined>
  /** Keeps 500 lines at the most; those that are there already stay. False when the batch is not being validated any more: nothing is kept then. */
  addItems(id: string, items: readonly BatchItem[]): Promise<boolean>
  /**
   * Takes the first lines of a batch in progress that nobody has, `limit` at the most and 500 at the very most, until `worker` lets go of them or
   * `leaseMs` have passed; none when there are none.
   */
  take(id: string, worker: string, how: { leaseMs: number; limit: number }): Promise<TakenItem[]>
  /** Has the lines of this worker for longer. */
  renew(worker: string, leaseMs: number): Promise<void>
  /** Gives a line back, unanswered. `isAttempt`: it counts as one. */
  release(id: string, n: number, worker: string, isAttempt: boolean): Promise<void>
  /** Gives back what a worker had that is no more. */
  releaseAll(worker: string): Promise<void>
  /** Keeps the answer to a line that this worker has, and counts it, both or neither. False when the line is not its own any more, or the batch has ended. */
  finish(id: string, worker: string, result: BatchResult): Promise<boolean>
  /** How many lines somebody has at the moment. */
  running(id: string): Promise<number>
  /** Answers after a line, in order; `limit` at the most. */
  results(
    id: string,
    page: { isError: boolean; after: number; limit: number },
  ): Promise<BatchResult[]>
  /** Lines without an answer after a line, in order. */
  unanswered(id: string, page: { after: number; limit: number }): Promise<BatchItem[]>
  /** The end: the output files become visible and the batch has them, both or neither. False when another node was first, or a line was answered meanwhile. */
  complete(
    id: string,
    end: {
      from: BatchStatus
      to: BatchStatus
      atMs: number
      counts: StoredBatch['counts']
      output?: StoredFile
      error?: StoredFile
      webhook?: StoredWebhook
    },
  ): Promise<boolean>
  /** Removes lines and answers of batches that have ended, 500 rows at the most; false when nothing was left. */
  prune(): Promise<boolean>
  /** Removes batches that have ended, have no lines left and were made before a time, 100 at the most; false when nothing was left. */
  removeOld(createdBeforeMs: number): Promise<boolean>
}

export type BatchRow = {
  id: string
  owner: string
  key_id: string | null
  endpoint: string
  input_file: string
  status: string
  metadata: string | null
  problems: string | null
  output_file: string | null
  error_file: string | null
  output_keep_ms: number | null
  created_ms: number
  expires_ms: number
  times: string
  total: number
  completed: number
  failed: number
  input_tokens: number
  cached_tokens: number
  output_tokens: number
  reasoning_tokens: number
  cost_micros: number
  /** Whether there may be lines or answers of it. */
  has_lines: number
}

export type BatchItemRow = {
  batch: string
  n: number
  at_byte: number
  bytes: number
  /** `pending`, `running` or `done`. */
  state: string
  attempts: number
  worker: string | null
  /** The end of the worker's time. */
  until_ms: number
}

export type BatchResultRow = { batch: string; n: number; is_error: number; body: string }
