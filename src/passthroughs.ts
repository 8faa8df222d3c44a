import type { Config } from './config/config.ts'
import { type PassedEndpoint, passedEndpoints } from './config/providers-file.ts'
import type { HttpParts, PassthroughTarget } from './http/parts.ts'
import type { Disposal } from './lib/disposal.ts'
import type { AskingOptions } from './routing/asking.ts'
import type { Breaker, BreakerReport } from './routing/breaker/breaker.ts'
import { inOrder } from './routing/order.ts'
import { type Passer, passOn } from './routing/passing.ts'
import { createPassthrough } from './upstreams/passthrough.ts'

/** Who gets what is not a turn, and how they are. */
export type Passthroughs = {
  target: NonNullable<HttpParts['passthrough']>
  /** The breakers that hold something back: `backup/embeddings`. */
  report(): ({ name: string } & BreakerReport)[]
}

/**
 * The provider that is named for it alone, or all that have the endpoint or do not say what they have, in order. Each has a breaker for each
 * endpoint. What is opened is closed with `parts`.
 */
export function createPassthroughs(
  { fallbacks, failover }: Config,
  parts: Disposal,
  options: AskingOptions & { breakerOf: (name: string) => Breaker },
): Passthroughs {
  const { passthroughProvider, timeouts, order } = failover
  const chosen = fallbacks.filter(({ name }) => [name, undefined].includes(passthroughProvider))
  const opened = chosen.map((fallback) => ({
    ...fallback,
    target: parts.use(
      createPassthrough({ ...fallback, timeouts: { ...timeouts, ...fallback.timeouts } }),
    ),
  }))

  const passersOf = (endpoint: PassedEndpoint): Passer[] => {
    const having = opened.filter(
      ({ endpoints }) =>
        passthroughProvider !== undefined ||
        endpoints === undefined ||
        endpoints.includes(endpoint),
    )
    const passers = having.map(({ name, group, weight = 1, target }): Passer => {
      const breaker = options.breakerOf(`${name}/${endpoint}`)
      const pass: Passer['pass'] = (request) => target.pass(request)
      return { backend: { name }, breaker, weight, pass, ...(group !== undefined && { group }) }
    })
    return inOrder(passers, order)
  }

  const all = new Map<string, Passer[]>(
    passedEndpoints.map((endpoint) => [endpoint, passersOf(endpoint)]),
  )
  const targetOf = (passers: readonly Passer[]): PassthroughTarget => ({
    pass: (request) => passOn(passers, request, options),
  })
  return {
    target: (endpoint) => {
      const passers = all.get(endpoint) ?? []
      return passers.length === 0 ? undefined : targetOf(passers)
    },
    report: () =>
      [...all].flatMap(([endpoint, passers]) =>
        passers
          .map(({ backend, breaker }) => ({
            name: `${backend.name}/${endpoint}`,
            ...breaker.report(),
          }))
          .filter(({ state }) => state !== 'closed'),
      ),
  }
}
