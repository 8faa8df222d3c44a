import type { Backend, TurnContext } from '../turn/backend.ts'
import { type ErrorCode, TurnError } from '../turn/error.ts'
import type { Notice, TurnEvent } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import { degrade } from './degrade.ts'

/** One backend failed and the next is tried. */
export type Switch = { from: string; to: string; code: ErrorCode; requestId: string }

export type FallbackOptions = {
  /** Whether a backend is Claude Code and can do all that a turn asks for. The others get what `degrade` leaves. */
  isClaudeCode: (backend: Backend) => boolean
  onSwitch?: (change: Switch) => void
}

type Failure = { backend: Backend; error: TurnError }

/**
 * A backend that asks others, in order, until one answers. It moves on only before `start` and only after failures that another
 * backend may not have (`fallback` in the error table); notices of a backend that failed are not passed on. When nobody answers, the
 * first failure is thrown, with a sentence on the others.
 */
export function fallback(backends: readonly Backend[], options: FallbackOptions): Backend {
  return {
    name: 'fallback',
    run: (turn, context) => run(backends, options, turn, context),
  }
}

async function* run(
  backends: readonly Backend[],
  options: FallbackOptions,
  turn: Turn,
  context: TurnContext,
): AsyncGenerator<TurnEvent> {
  const failures: Failure[] = []
  const missing = new Set<string>()
  for (const backend of backends) {
    const fit = options.isClaudeCode(backend)
      ? { type: 'possible' as const, turn, notices: [] }
      : degrade(turn)
    if (fit.type === 'impossible') {
      for (const name of fit.options) missing.add(name)
      continue
    }
    const last = failures.at(-1)
    if (last) {
      const { requestId } = context
      options.onSwitch?.({
        from: last.backend.name,
        to: backend.name,
        code: last.error.code,
        requestId,
      })
    }
    const error = yield* attempt(backend, fit.turn, fit.notices, context)
    if (!error) return
    if (!movesOn(error, failures.length === 0)) throw error
    failures.push({ backend, error })
  }
  throw allFailed(failures, [...missing])
}

/** Passes a backend's answer on; returns its error if it failed before the answer began, and throws it afterwards. */
async function* attempt(
  backend: Backend,
  turn: Turn,
  notices: readonly Notice[],
  context: TurnContext,
): AsyncGenerator<TurnEvent, TurnError | undefined> {
  const held: TurnEvent[] = notices.map((notice) => ({ type: 'notice', notice }))
  let isStarted = false
  try {
    for await (const event of backend.run(turn, context)) {
      if (!isStarted && event.type === 'notice') {
        held.push(event)
        continue
      }
      if (!isStarted) {
        isStarted = true
        yield* held
      }
      yield event
    }
  } catch (thrown) {
    const error = TurnError.from(thrown)
    if (isStarted || context.signal.aborted) throw error
    return error
  }
  if (isStarted) return undefined
  return new TurnError('server_error', `The backend "${backend.name}" ended without an answer.`)
}

/** What a later backend says of itself rather than of the request: the first one has not refused it, and the next may not either. */
const ownVerdicts = new Set<ErrorCode>(['model_not_found', 'context_length_exceeded'])

function movesOn(error: TurnError, isFirst: boolean): boolean {
  return error.row.fallback || (!isFirst && ownVerdicts.has(error.code))
}

function allFailed(failures: readonly Failure[], missing: readonly string[]): TurnError {
  const [first, ...others] = failures
  const needs =
    missing.length > 0
      ? ` This request needs Claude Code itself (claude_options: ${missing.join(', ')}), so other APIs were not asked.`
      : ''
  if (!first) {
    return new TurnError('unsupported_parameter', `Nobody here can answer.${needs}`, {
      param: 'claude_options',
    })
  }
  if (others.length === 0 && needs === '') return first.error
  const kinds = others.map(({ backend, error }) => `${backend.name}: ${error.code}`).join(', ')
  const also =
    others.length === 0
      ? ''
      : ` ${others.length} ${others.length === 1 ? 'fallback' : 'fallbacks'} failed as well (${kinds}).`
  const { code, message, param, retryAfterMs } = first.error
  return new TurnError(code, `${message}${also}${needs}`, {
    ...(param !== undefined && { param }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    cause: first.error,
  })
}
