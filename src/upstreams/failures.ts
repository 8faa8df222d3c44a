import { errors } from 'undici'
import type { UpstreamError } from '../dialects/openai-chat/client.ts'
import { type ErrorCode, TurnError, type TurnErrorDetails } from '../turn/error.ts'

/** The upstream that failed, as far as an error needs to know it. */
export type FailingUpstream = { name: string; key?: string; model?: string }

/** What an upstream's error answer means. Its own words are passed on only where the caller can act on them, without secrets. */
export function statusFailure(
  upstream: FailingUpstream,
  status: number,
  error: UpstreamError,
  waitMs?: number,
): TurnError {
  const { name } = upstream
  const wait: TurnErrorDetails = waitMs === undefined ? {} : { retryAfterMs: waitMs }
  switch (status) {
    case 400:
    case 422:
      return new TurnError(
        codeOfRefusal(error),
        `The API "${name}" refused the request${reason(upstream, error)}`,
        error.param === undefined ? {} : { param: error.param },
      )
    case 401:
    case 402:
    case 403:
      // OpenRouter refuses content this way.
      return error.isFlagged
        ? new TurnError('content_filter', `The API "${name}" refused the content.`)
        : new TurnError(
            'upstream_unauthorized',
            `The API "${name}" refused the credentials of this server (status ${status}).`,
          )
    case 404:
      // With a model of its own, the name was this server's choice and not the caller's.
      if (upstream.model !== undefined) {
        return broken(
          `The API "${name}" does not know the address or the model configured for it (status 404).`,
        )
      }
      return new TurnError(
        'model_not_found',
        `The API "${name}" does not know the model asked for, and no other is configured for it.`,
        { param: 'model' },
      )
    case 413:
      return new TurnError('request_too_large', `The request is too large for the API "${name}".`)
    case 429:
      return error.kind === 'insufficient_quota'
        ? new TurnError(
            'insufficient_quota',
            `The credit of this server at the API "${name}" is used up.`,
            wait,
          )
        : new TurnError(
            'rate_limit_exceeded',
            `The API "${name}" takes no more requests for now.`,
            wait,
          )
    default:
      return status >= 300 && status < 400
        ? noAnswer(`The API "${name}" answered with a redirect (status ${status}), not followed.`)
        : broken(`The API "${name}" failed with status ${status}.`, wait)
  }
}

function codeOfRefusal(error: UpstreamError): ErrorCode {
  if (isTooLong(error)) return 'context_length_exceeded'
  return contentKinds.has(error.kind ?? '') ? 'content_filter' : 'invalid_request'
}

/** What OpenAI and Azure call a request that they refuse for what it says. */
const contentKinds = new Set(['content_filter', 'content_policy_violation', 'moderation_blocked'])

/** What an error object inside a 200 answer means, before any output. */
export function reportedFailure(upstream: FailingUpstream, error: UpstreamError): TurnError {
  const status = error.status ?? statusOfKind.get(error.kind ?? '')
  if (status !== undefined) return statusFailure(upstream, status, error)
  return broken(`The API "${upstream.name}" answered with an error.`)
}

/** The words that OpenAI and others use instead of a status. */
const statusOfKind = new Map([
  ['invalid_request_error', 400],
  ['context_length_exceeded', 400],
  ['content_filter', 400],
  ['content_policy_violation', 400],
  ['invalid_api_key', 401],
  ['authentication_error', 401],
  ['permission_error', 403],
  ['insufficient_quota', 429],
  ['rate_limit_exceeded', 429],
  ['rate_limit_error', 429],
])

/** What a thrown value means: the HTTP client's have a code; anything else is this server's own fault. */
export function transportFailure(
  upstream: FailingUpstream,
  thrown: unknown,
  isStarted: boolean,
): TurnError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  if (thrown instanceof TurnError || typeof code !== 'string') return TurnError.from(thrown)
  if (isStarted) return brokenOff(upstream, thrown)
  if (connectTimeouts.has(code)) {
    return new TurnError('start_timeout', `The API "${upstream.name}" was not reached in time.`, {
      cause: thrown,
    })
  }
  return broken(
    `The API "${upstream.name}" could not be reached, or closed the connection (${code}).`,
    { cause: thrown },
  )
}

const connectTimeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

/**
 * Whether a connection that had carried an answer before was closed while the next request was on its way: nobody is to blame, and the
 * request can go out on another one at once.
 */
export function isClosedBetween(thrown: unknown): boolean {
  return thrown instanceof errors.SocketError && (thrown.socket?.bytesRead ?? 0) > 0
}

/** The answer ended before it was whole. */
export function brokenOff({ name }: FailingUpstream, cause?: unknown): TurnError {
  return broken(`The answer of the API "${name}" broke off; what came so far is not whole.`, {
    cause,
  })
}

/** An upstream's fault, after which another backend may be tried. */
export function broken(message: string, details?: TurnErrorDetails): TurnError {
  return new TurnError('upstream_error', message, details)
}

/** What came is not an answer, and asking again would bring the same. */
export function noAnswer(message: string): TurnError {
  return new TurnError('upstream_invalid_answer', message)
}

/** Vendors without OpenAI's code say it in these words (vLLM, llama.cpp, Mistral, Groq, DeepSeek). */
const tooLongWords =
  /context (?:length|window|size)|too many tokens|prompt is too long|token limit/i

function isTooLong(error: UpstreamError): boolean {
  return error.kind === 'context_length_exceeded' || tooLongWords.test(error.message ?? '')
}

function reason({ key }: FailingUpstream, { message }: UpstreamError): string {
  if (message === undefined || message.trim() === '') return '.'
  const words = (key ? message.replaceAll(key, '[key]') : message)
    .replace(/\b(?:sk|pk|key)-[\w*-]{6,}|\bBearer\s+\S+/gi, '[key]')
    .replace(/\s+/g, ' ')
    .trim()
  return `: ${words.length > 300 ? `${words.slice(0, 300)}…` : words}`
}
