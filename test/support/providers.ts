import { Breaker, type BreakerOptions } from '../../src/routing/breaker/breaker.ts'
import { everything, type Provider } from '../../src/routing/provider.ts'
import type { Backend } from '../../src/turn/backend.ts'

/** A rule under which nothing opens, unless a test says otherwise. */
export const lenientRule: BreakerOptions['rule'] = {
  failures: 1_000,
  share: 1,
  atLeast: 1_000,
  windowMs: 30_000,
  restMs: 15_000,
}

/** A backend as a provider; one named `claude…` is Claude Code. */
export function providerOf(
  backend: Backend,
  more: Partial<Provider> & { rule?: Partial<BreakerOptions['rule']>; now?: () => number } = {},
): Provider {
  const { rule, now = Date.now, ...rest } = more
  const isClaudeCode = backend.name.startsWith('claude')
  return {
    backend,
    breaker: new Breaker({ rule: { ...lenientRule, ...rule }, now }),
    isClaudeCode,
    repeatsItself: isClaudeCode,
    can: everything,
    weight: 1,
    ...rest,
  }
}
