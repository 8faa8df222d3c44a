import type { ChildProcess } from 'node:child_process'
import type { SDKMessage, SDKRateLimitInfo } from '@anthropic-ai/claude-agent-sdk'
import { type ErrorCode, TurnError } from '../turn/error.ts'

type ResultMessage = Extract<SDKMessage, { type: 'result' }>
type AssistantMessage = Extract<SDKMessage, { type: 'assistant' }>
type RetryMessage = Extract<SDKMessage, { type: 'system'; subtype: 'api_retry' }>

/** What was seen of a turn that went wrong. */
export type FailureSigns = {
  result: ResultMessage
  /** The `error` kind of the synthetic assistant message that came before the result. */
  kind?: AssistantMessage['error']
  rateLimit?: SDKRateLimitInfo
  /** The last retry that Claude Code announced. */
  retry?: RetryMessage
  /** Milliseconds since the epoch. */
  now: number
}

/** Waiting time that is told when nobody said one, in milliseconds. */
const defaultRetryMs = 15_000

/** The kinds of `SDKAssistantMessage.error`, each seen on the real binary; the rest is decided by the API's status. */
const codeOfKind = {
  authentication_failed: 'claude_not_logged_in',
  oauth_org_not_allowed: 'claude_not_logged_in',
  account_on_hold: 'claude_not_logged_in',
  verification_required: 'claude_not_logged_in',
  cloud_credential_error: 'claude_not_logged_in',
  billing_error: 'insufficient_quota',
  rate_limit: 'rate_limit_exceeded',
  overloaded: 'overloaded',
  model_not_found: 'model_not_found',
  invalid_request: undefined,
  server_error: undefined,
  unknown: undefined,
  max_output_tokens: undefined,
} as const satisfies Record<NonNullable<AssistantMessage['error']>, ErrorCode | undefined>

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  401: 'claude_not_logged_in',
  402: 'insufficient_quota',
  403: 'claude_not_logged_in',
  404: 'model_not_found',
  413: 'request_too_large',
  422: 'invalid_request',
  429: 'rate_limit_exceeded',
  529: 'overloaded',
}

const notLoggedInText =
  'Claude Code is not logged in, or its key was refused. On the server, run `claude` and `/login`, or set ANTHROPIC_API_KEY; `npm run doctor` tells what it finds.'

export function notLoggedIn(): TurnError {
  return new TurnError('claude_not_logged_in', notLoggedInText)
}

/** A failed result, by its kind and not by its words (the words are Claude Code's and change). */
export function failureOf(signs: FailureSigns): TurnError {
  const code = codeOf(signs)
  const retryAfterMs = retryAfter(code, signs)
  return new TurnError(code, sentence(code, textOf(signs.result), signs), {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(code === 'model_not_found' && { param: 'model' }),
    ...(code === 'context_length_exceeded' && { param: 'messages' }),
  })
}

function codeOf({ result, kind, rateLimit }: FailureSigns): ErrorCode {
  if (result.terminal_reason === 'prompt_too_long') return 'context_length_exceeded'
  const byKind = kind && codeOfKind[kind]
  if (byKind === 'rate_limit_exceeded') {
    return rateLimit?.status === 'rejected' ? 'usage_limit_reached' : byKind
  }
  if (byKind) return byKind
  const status = statusOf(result)
  const byStatus = status === undefined ? undefined : codeOfStatus[status]
  return byStatus ?? (kind === 'invalid_request' ? 'invalid_request' : 'upstream_error')
}

function retryAfter(code: ErrorCode, { rateLimit, retry, now }: FailureSigns): number | undefined {
  if (code === 'usage_limit_reached' && rateLimit?.resetsAt !== undefined) {
    return Math.max(0, rateLimit.resetsAt * 1000 - now)
  }
  if (code !== 'rate_limit_exceeded' && code !== 'overloaded' && code !== 'usage_limit_reached')
    return undefined
  return retry?.retry_delay_ms ?? defaultRetryMs
}

function sentence(code: ErrorCode, text: string, { rateLimit, result }: FailureSigns): string {
  switch (code) {
    case 'claude_not_logged_in':
      return notLoggedInText
    case 'usage_limit_reached': {
      const reset =
        rateLimit?.resetsAt === undefined
          ? ''
          : ` It resets at ${new Date(rateLimit.resetsAt * 1000).toISOString()}.`
      return `The usage limit of the Claude plan is reached.${reset}`
    }
    case 'rate_limit_exceeded':
      return 'The API behind Claude Code limits the rate of this account. Retry later.'
    case 'insufficient_quota':
      return "The account's credit at the API behind Claude Code is used up."
    case 'overloaded':
      return 'The API behind Claude Code is overloaded. Retry later.'
    case 'context_length_exceeded':
      return "The conversation is longer than the model's context. Send fewer or shorter messages."
    case 'upstream_error': {
      const status = statusOf(result)
      return status === undefined
        ? 'The connection to the API behind Claude Code failed.'
        : `The API behind Claude Code failed with status ${status}.`
    }
    default:
      return `Claude refused the request: ${text.replace(/^API Error: (\d{3} )?/, '')}`
  }
}

/** A retry of Claude Code's own that would keep the caller waiting for nothing: told at once instead. */
export function failureOfRetry(retry: RetryMessage, patienceMs: number): TurnError | undefined {
  if (retry.retry_delay_ms <= patienceMs) return undefined
  if (retry.error_status === 429) {
    return new TurnError(
      'rate_limit_exceeded',
      'The API behind Claude Code limits the rate of this account. Retry later.',
      {
        retryAfterMs: retry.retry_delay_ms,
      },
    )
  }
  return new TurnError('overloaded', 'The API behind Claude Code asks to retry later.', {
    retryAfterMs: retry.retry_delay_ms,
  })
}

/** What the SDK says when a process cannot be started or a session cannot be resumed; it throws plain errors. */
const textOfEnd: readonly { pattern: RegExp; code: ErrorCode; text: string }[] = [
  {
    pattern: /No conversation found with session ID/,
    code: 'session_not_found',
    text: 'No such session. It may have been deleted; start a new one by leaving out claude_options.session_id.',
  },
  {
    pattern: /ENOENT|EACCES|native binary not found|executable not found/i,
    code: 'claude_not_installed',
    text: 'The Claude Code binary could not be started. Run `npm install`, or set CLAUDE_PATH; `npm run doctor` tells more.',
  },
]

/** A process that ended, or could not begin, where an answer was due. */
export function failureOfEnd(
  thrown: unknown,
  process: { stderr: string; child: ChildProcess | undefined },
): TurnError {
  const said = `${thrown instanceof Error ? thrown.message : ''} ${process.stderr}`
  const known = textOfEnd.find(({ pattern }) => pattern.test(said))
  if (known) return new TurnError(known.code, known.text, { cause: thrown })
  const { exitCode, signalCode } = process.child ?? { exitCode: null, signalCode: null }
  if (
    thrown !== undefined &&
    exitCode === null &&
    signalCode === null &&
    process.child?.pid !== undefined
  ) {
    return new TurnError('upstream_error', 'Claude Code refused a request of this server.', {
      cause: thrown,
    })
  }
  const how = signalCode
    ? `was ended by ${signalCode}`
    : `ended with exit code ${exitCode ?? 'unknown'}`
  return new TurnError(
    'claude_crashed',
    `The Claude Code process ${how} before the answer was complete. Retry the request.`,
    {
      cause: new Error(said.trim() || 'It said nothing.', { cause: thrown }),
    },
  )
}

function statusOf(result: ResultMessage): number | undefined {
  return result.subtype === 'success' ? (result.api_error_status ?? undefined) : undefined
}

function textOf(result: ResultMessage): string {
  return result.subtype === 'success' ? result.result : result.errors.join(' ')
}
