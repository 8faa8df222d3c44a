import { TurnError } from '../turn/error.ts'

/** The database cannot be used for a while; `reason` says why, without a secret. */
export function unavailable(reason: string, cause?: unknown): TurnError {
  return new TurnError('storage_unavailable', `The storage cannot be used: ${reason}`, {
    retryAfterMs: 5_000,
    ...(cause !== undefined && { cause }),
  })
}

/** A text with a NUL, which SQLite would cut off and Postgres does not take. */
export function nulFailure(cause?: unknown): TurnError {
  return new TurnError(
    'invalid_value',
    'A text with a NUL character (U+0000) cannot be stored; leave the character out.',
    cause === undefined ? {} : { cause },
  )
}

/** Whether it may be over by itself: then the server runs without storage and tries again. */
export function isUnavailable(error: unknown): error is TurnError {
  return error instanceof TurnError && error.code === 'storage_unavailable'
}

/** What the start must not go on with: another process has the folder, or a newer program has had the data. */
export class StorageRefusal extends TurnError {
  constructor(message: string) {
    super('storage_unavailable', message)
    this.name = 'StorageRefusal'
  }
}
