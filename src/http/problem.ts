import { TurnError, type ErrorCode } from '../turn/error.ts'

/** What Fastify itself refuses, by its code; its body is ours all the same. */
const frameworkErrors: Readonly<Record<string, { code: ErrorCode; message: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    message: 'The Content-Type must be application/json, in UTF-8.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'invalid_json',
    message: 'The body is not as long as its Content-Length says.',
  },
  FST_ERR_BAD_URL: { code: 'unknown_url', message: 'The path is not a valid URL path.' },
}

/** Anything thrown while a request runs, as the error that the caller may see. `bodyLimitBytes` is for the sentence about it. */
export function problem(thrown: unknown, bodyLimitBytes: number): TurnError {
  const known = frameworkProblem(thrown, bodyLimitBytes)
  if (known) return known
  const error = TurnError.from(thrown)
  if (error.row.status !== 500 || !(thrown instanceof TurnError)) return error
  // A fault's own words are for the log.
  return TurnError.from(new Error(error.message, { cause: thrown }))
}

function frameworkProblem(thrown: unknown, bodyLimitBytes: number): TurnError | undefined {
  if (thrown instanceof TurnError || !(thrown instanceof Error) || !('code' in thrown))
    return undefined
  if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new TurnError(
      'request_too_large',
      `The body is larger than ${bodyLimitBytes} bytes. The owner of this server can raise BODY_LIMIT_MB.`,
    )
  }
  const row = typeof thrown.code === 'string' ? frameworkErrors[thrown.code] : undefined
  return row && new TurnError(row.code, row.message)
}

/** Whether the owner should see the details that the caller does not. */
export function isFault(error: TurnError): boolean {
  return error.row.status === 500 || (error.row.status > 500 && error.cause !== undefined)
}

/** Waiting longer than this is nothing for a client's automatic retry. */
const longestUsefulWaitMs = 60_000

/** When to come back, for those who look: the SDKs do (openai-node), and repeat twice on their own unless told not to. */
export function retryHeaders(error: TurnError): Record<string, string> {
  const { retryAfterMs } = error
  return {
    ...(retryAfterMs !== undefined && {
      'retry-after': String(Math.ceil(retryAfterMs / 1000)),
      'retry-after-ms': String(Math.ceil(retryAfterMs)),
    }),
    ...(isWaitingUseless(error) && { 'x-should-retry': 'false' }),
  }
}

function isWaitingUseless({ code, retryAfterMs }: TurnError): boolean {
  switch (code) {
    case 'insufficient_quota':
    case 'claude_not_installed':
    case 'claude_not_logged_in':
    // The same turn would take as long again.
    case 'turn_timeout':
      return true
    case 'usage_limit_reached':
      return retryAfterMs === undefined || retryAfterMs > longestUsefulWaitMs
    default:
      return false
  }
}
