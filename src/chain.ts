import type { Config } from './config/config.ts'
import type { Engine } from './engine/engine.ts'
import type { Disposal } from './lib/disposal.ts'
import { createPassthroughs, type Passthroughs } from './passthroughs.ts'
import { Breaker, type BreakerReport } from './routing/breaker/breaker.ts'
import type { AskingOptions } from './routing/asking.ts'
import { shareBreakers } from './routing/breaker/shared.ts'
import { fallback } from './routing/fallback.ts'
import { inOrder } from './routing/order.ts'
import { everything, type Provider } from './routing/provider.ts'
import type { Store } from './storage/store.ts'
import type { Telemetry } from './telemetry/events.ts'
import type { Backend } from './turn/backend.ts'
import { createUpstream } from './upstreams/upstream.ts'

/** Claude Code and the fallbacks as one backend, and what can be seen of it. */
export type Chain = {
  backend: Backend
  /** Who gets a request that is no turn. */
  passthroughs: Passthroughs
  /** Each provider and the state of its breaker, in the order in which they are asked. */
  report(): ({ name: string } & BreakerReport)[]
}

/** How soon a node knows what another has seen of a provider. */
const breakerRefreshMs = 1_000

/** What Claude's models take without an extension. */
const claudeContextTokens = 200_000

/** Puts the providers together. What is opened is closed with `parts`. */
export function createChain(
  config: Config,
  engine: Engine,
  parts: Disposal,
  { log, store }: { log: Telemetry; store: Pick<Store, 'engine' | 'breakers'> },
): Chain {
  const { rule, retries, order } = config.failover
  const breakers = new Map<string, Breaker>()
  const shared = shareBreakers({
    breakers,
    saved: store.breakers,
    now: Date.now,
    // An embedded database has one node.
    ...(store.engine === 'postgres' && { refreshMs: breakerRefreshMs }),
  })
  parts.defer(() => shared[Symbol.dispose]())
  const breakerOf = (name: string): Breaker => {
    const breaker = new Breaker({
      rule,
      now: Date.now,
      onChange: (report) => {
        const { state, code, untilMs } = report
        shared.changed(name, report)
        log.providerState({
          provider: name,
          state,
          ...(code !== undefined && { code }),
          ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
        })
      },
    })
    breakers.set(name, breaker)
    return breaker
  }
  const claude: Provider = {
    backend: engine,
    breaker: breakerOf(engine.name),
    isClaudeCode: true,
    repeatsItself: true,
    can: everything,
    contextTokens: claudeContextTokens,
    weight: 1,
  }
  const others = config.fallbacks.map((options): Provider => {
    const { can = {}, contextTokens, group, weight = 1 } = options
    const upstream = createUpstream(
      {
        ...options,
        streaming: can.streaming ?? true,
        timeouts: { ...config.failover.timeouts, ...options.timeouts },
      },
      {
        resolveAttachments: (turn, context) => engine.attachments(turn, context),
        now: Date.now,
      },
    )
    return {
      backend: parts.use(upstream),
      breaker: breakerOf(options.name),
      isClaudeCode: false,
      repeatsItself: false,
      can: { ...everything, ...can },
      ...(contextTokens !== undefined && { contextTokens }),
      ...(group !== undefined && { group }),
      weight,
    }
  })
  const providers = inOrder([claude, ...others], order)
  const asking: AskingOptions = {
    retries,
    onSwitch: ({ requestId, ...change }) => log.providerSwitched({ id: requestId, ...change }),
  }
  const passthroughs = createPassthroughs(config, parts, { ...asking, breakerOf })
  void shared.refresh()
  return {
    passthroughs,
    backend: others.length === 0 ? engine : fallback(providers, asking),
    report: () =>
      providers.map(({ backend, breaker }) => ({ name: backend.name, ...breaker.report() })),
  }
}
