import { type ErrorCode, TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import type { Candidates } from './candidates.ts'

type Failure = { name: string; error: TurnError }

/** What became of each attempt of one request, for the answer's headers and for the error when nobody answers. */
export class Trail {
  readonly #failures: Failure[] = []

  get hasFailures(): boolean {
    return this.#failures.length > 0
  }

  get last(): Failure | undefined {
    return this.#failures.at(-1)
  }

  failed({ backend }: { backend: { name: string } }, error: TurnError): TurnEvent {
    this.#failures.push({ name: backend.name, error })
    return attempt(backend.name, error.code)
  }

  /** The error when nobody answered: the first failure, with a sentence on the others. */
  error({ needsClaudeCode, unable }: Pick<Candidates, 'needsClaudeCode' | 'unable'>): TurnError {
    const [first, ...rest] = this.#failures
    const remarks = [needs(needsClaudeCode), lacks(unable)].join('')
    if (!first) {
      return new TurnError('unsupported_parameter', `Nobody here can answer.${remarks}`, {
        ...(needsClaudeCode.length > 0 && { param: 'claude_options' }),
      })
    }
    // Another try at the same provider is not another fallback.
    const others = new Map(
      rest.filter(({ name }) => name !== first.name).map(({ name, error }) => [name, error.code]),
    )
    if (others.size === 0 && remarks === '') return first.error
    const { code, message, param, retryAfterMs } = first.error
    return new TurnError(code, `${message}${also(others)}${remarks}`, {
      ...(param !== undefined && { param }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      cause: first.error,
    })
  }
}

export function attempt(provider: string, outcome: string): TurnEvent {
  return { type: 'notice', notice: { type: 'attempt', provider, outcome } }
}

function also(others: ReadonlyMap<string, ErrorCode>): string {
  if (others.size === 0) return ''
  const kinds = [...others].map(([name, code]) => `${name}: ${code}`).join(', ')
  return ` ${others.size} ${others.size === 1 ? 'fallback' : 'fallbacks'} failed as well (${kinds}).`
}

function needs(options: readonly string[]): string {
  if (options.length === 0) return ''
  return ` This request needs Claude Code itself (claude_options: ${options.join(', ')}), so other APIs were not asked; with claude_options.allow_degraded they answer without.`
}

function lacks(unable: readonly string[]): string {
  return unable.length === 0 ? '' : ` Not asked, for what they cannot do: ${unable.join(', ')}.`
}
