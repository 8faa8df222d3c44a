import { type FailureKind, failureKinds, type FailureRow } from './failure.ts'

/**
 * Every way in which a turn or a request can fail: one row a code. `status` is the HTTP status, `type` OpenAI's error type,
 * `kind` what is done about it (failure.ts), `why` the line in docs/errors.md.
 */
export const errorTable = {
  invalid_json: row(400, 'invalid_request_error', 'caller', 'The body is not JSON, or not UTF-8.'),
  invalid_type: row(400, 'invalid_request_error', 'caller', 'A field has the wrong type.'),
  invalid_value: row(
    400,
    'invalid_request_error',
    'caller',
    'A field has a value that is not allowed.',
  ),
  missing_required_parameter: row(
    400,
    'invalid_request_error',
    'caller',
    'A required field is absent.',
  ),
  unknown_parameter: row(
    400,
    'invalid_request_error',
    'caller',
    'A key of `claude_options` is not known.',
  ),
  unsupported_parameter: row(
    400,
    'invalid_request_error',
    'caller',
    'The field is known but cannot be honoured here.',
  ),
  context_length_exceeded: row(
    400,
    'invalid_request_error',
    'too-long',
    "The conversation is longer than the model's context.",
  ),
  invalid_request: row(
    400,
    'invalid_request_error',
    'caller',
    'Claude or the API behind it refused the request.',
  ),
  content_filter: row(
    400,
    'invalid_request_error',
    'refusal',
    'A provider refused the content of the request.',
  ),
  invalid_api_key: row(401, 'invalid_request_error', 'caller', 'The API key is missing or wrong.'),
  expired_api_key: row(
    401,
    'invalid_request_error',
    'caller',
    'The API key was right until it expired.',
  ),
  forbidden: row(403, 'invalid_request_error', 'caller', "The server's owner does not allow this."),
  host_not_allowed: row(
    403,
    'invalid_request_error',
    'caller',
    'The `Host` or `Origin` header is not an allowed one.',
  ),
  model_not_found: row(404, 'invalid_request_error', 'unknown-model', 'No such model.'),
  session_not_found: row(
    404,
    'invalid_request_error',
    'caller',
    'No such session, or it is not yours.',
  ),
  key_not_found: row(404, 'invalid_request_error', 'caller', 'No such API key.'),
  file_not_found: row(404, 'invalid_request_error', 'caller', 'No such file, or it is not yours.'),
  batch_not_found: row(
    404,
    'invalid_request_error',
    'caller',
    'No such batch, or it is not yours.',
  ),
  completion_not_found: row(
    404,
    'invalid_request_error',
    'caller',
    'No such stored completion, or it is not yours.',
  ),
  response_not_found: row(
    404,
    'invalid_request_error',
    'caller',
    'No such response, or it is not yours.',
  ),
  previous_response_not_found: row(
    404,
    'invalid_request_error',
    'caller',
    'The response to go on from is not there, or one before it.',
  ),
  conversation_not_found: row(
    404,
    'invalid_request_error',
    'caller',
    'No such conversation, or it is not yours.',
  ),
  item_not_found: row(404, 'invalid_request_error', 'caller', 'No such item, or it is not yours.'),
  unknown_url: row(404, 'invalid_request_error', 'caller', 'No such endpoint.'),
  method_not_allowed: row(
    405,
    'invalid_request_error',
    'caller',
    'The endpoint does not know this method.',
  ),
  session_busy: row(
    409,
    'invalid_request_error',
    'caller',
    'The session is answering another request.',
  ),
  websocket_connection_limit_reached: row(
    400,
    'invalid_request_error',
    'caller',
    'The WebSocket has been open for as long as it may.',
  ),
  websocket_stream_limit_reached: row(
    400,
    'invalid_request_error',
    'caller',
    'Too many messages of one WebSocket are being answered or wait.',
  ),
  request_too_large: row(
    413,
    'invalid_request_error',
    'caller',
    'The body is larger than the limit.',
  ),
  unsupported_media_type: row(
    415,
    'invalid_request_error',
    'caller',
    'The content type is not JSON.',
  ),
  rate_limit_exceeded: row(
    429,
    'rate_limit_error',
    'throttled',
    'Too many requests for the account, or for the limits of the API key; retry later.',
  ),
  usage_limit_reached: row(
    429,
    'rate_limit_error',
    'used-up',
    "The plan's usage limit is reached until its reset time.",
  ),
  insufficient_quota: row(
    429,
    'insufficient_quota',
    'used-up',
    "The account's credit, or the budget of the API key, is used up.",
  ),
  server_busy: row(
    429,
    'rate_limit_error',
    'busy',
    'This server has no free place for another turn.',
  ),
  request_cancelled: row(
    499,
    'invalid_request_error',
    'over',
    'The caller left before the answer was complete.',
  ),
  server_error: row(500, 'server_error', 'fault', 'An unexpected fault of this server.'),
  claude_crashed: row(
    502,
    'server_error',
    'broken',
    'The Claude Code process ended in the middle of the turn.',
  ),
  invalid_output: row(
    502,
    'server_error',
    'wrong-form',
    'The model gave no answer of the form that was asked for (a call, a schema).',
  ),
  upstream_error: row(
    502,
    'server_error',
    'broken',
    'The API behind Claude Code, or a fallback, failed.',
  ),
  upstream_unauthorized: row(
    502,
    'server_error',
    'credentials',
    'A fallback refused the credentials of this server.',
  ),
  upstream_invalid_answer: row(
    502,
    'server_error',
    'no-answer',
    'A fallback answered with something that is not an answer.',
  ),
  claude_not_installed: row(
    503,
    'server_error',
    'fault',
    'The Claude Code binary is missing, or too old.',
  ),
  claude_not_logged_in: row(
    503,
    'server_error',
    'credentials',
    'Claude Code has no login or key, or it was refused.',
  ),
  overloaded: row(503, 'server_error', 'broken', 'The API behind Claude Code is overloaded.'),
  storage_unavailable: row(
    503,
    'server_error',
    'storage',
    'What is stored cannot be read or written now: a full disk, a database that is away.',
  ),
  shutting_down: row(503, 'server_error', 'over', 'This server is stopping.'),
  start_timeout: row(
    504,
    'server_error',
    'silent',
    'Claude Code did not start, or a fallback was not reached, in time.',
  ),
  first_token_timeout: row(504, 'server_error', 'silent', 'No output came in time.'),
  idle_timeout: row(504, 'server_error', 'silent', 'The output stopped for too long.'),
  tool_timeout: row(504, 'server_error', 'over', 'A tool that Claude Code used took too long.'),
  turn_timeout: row(504, 'server_error', 'over', 'The whole turn took too long.'),
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

/** Whether a text is one of the codes. */
export function isErrorCode(text: string | undefined): text is ErrorCode {
  return text !== undefined && Object.hasOwn(errorTable, text)
}

export type ErrorRow = { status: number; type: string; kind: FailureKind; why: string }

function row(status: number, type: string, kind: FailureKind, why: string): ErrorRow {
  return { status, type, kind, why }
}

export type TurnErrorDetails = {
  /** The request field at fault, as a path: `messages[3].content[0].type`. */
  param?: string
  /** How long to wait before the next try, in milliseconds. */
  retryAfterMs?: number
  cause?: unknown
}

/** The one error that leaves a part. Its message is for the caller: what was got, and what to do. */
export class TurnError extends Error {
  readonly code: ErrorCode
  readonly param: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, details: TurnErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'TurnError'
    this.code = code
    this.param = details.param
    this.retryAfterMs = details.retryAfterMs
  }

  /** The same error where its words, and the field that it names, are called something else. */
  inOtherWords(change: (text: string) => string): TurnError {
    const message = change(this.message)
    const param = this.param === undefined ? undefined : change(this.param)
    if (message === this.message && param === this.param) return this
    return new TurnError(this.code, message, {
      ...(param !== undefined && { param }),
      ...(this.retryAfterMs !== undefined && { retryAfterMs: this.retryAfterMs }),
      ...(this.cause !== undefined && { cause: this.cause }),
    })
  }

  get row(): ErrorRow {
    return errorTable[this.code]
  }

  /** What is done about it. */
  get remedy(): FailureRow {
    return failureKinds[this.row.kind]
  }

  /** Any thrown value as a `TurnError`; what is not one already becomes `server_error`, whose text says nothing of it. */
  static from(thrown: unknown): TurnError {
    if (thrown instanceof TurnError) return thrown
    return new TurnError(
      'server_error',
      'The server met an unexpected fault. Its log has the details.',
      {
        cause: thrown,
      },
    )
  }
}
