import { setMaxListeners } from 'node:events'
import { resolve } from 'node:path'
import { createCache } from './answer-cache.ts'
import { type Chain, createChain } from './chain.ts'
import type { Config } from './config/config.ts'
import { Engine, type EngineState } from './engine/engine.ts'
import { modelEntries } from './engine/models.ts'
import { createApp } from './http/app.ts'
import type { Readiness } from './http/parts.ts'
import { disposal } from './lib/disposal.ts'
import type { Telemetry } from './telemetry/events.ts'
import { TurnError } from './turn/error.ts'
import { packageVersion } from './version.ts'

/** A server that listens; `close` lets running answers finish within the grace time, then ends everything. */
export type Server = { url: string; close(): Promise<void> }

/** Puts the parts together: configuration in, a listening server out. The only place that knows them all. */
export async function startServer(config: Config, log: Telemetry): Promise<Server> {
  const parts = disposal()
  try {
    const engine = await Engine.open({
      ...config.engine,
      clientApp: `claude-code-api/${packageVersion()}`,
      forbidden: [resolve('.env')],
      telemetry: log,
    })
    parts.defer(() => engine.close())
    const chain = createChain(config, engine, parts, log)
    const cache = createCache(config.cache, chain.backend, parts)
    const shutdown = new AbortController()
    // Every request that runs listens.
    setMaxListeners(0, shutdown.signal)
    const app = await createApp({
      options: { ...config.http, logContent: config.log.content },
      backend: cache.backend,
      cache: cache.admin,
      passthrough: chain.passthrough,
      models: { list: async () => modelEntries(await engine.models()) },
      readiness: async () => readiness(engine.state(), chain),
      telemetry: log,
      shutdown: shutdown.signal,
    })
    parts.defer(() => app.close())
    const url = await app.listen({ host: config.http.host, port: config.http.port })
    // Nobody waits for it: the first request does, and `/ready` tells.
    void engine.warmUp()
    return {
      url,
      async close() {
        const grace = setTimeout(
          () => shutdown.abort(new TurnError('shutting_down', 'The server is stopping.')),
          config.http.shutdownGraceMs,
        )
        await parts.dispose()
        clearTimeout(grace)
      },
    }
  } catch (error) {
    await parts.dispose()
    throw error
  }
}

/** Fallbacks can answer while Claude Code cannot. */
function readiness({ reason, ...state }: EngineState, chain: Chain): Readiness {
  const providers = chain.report().map(({ untilMs, ...report }) => ({
    ...report,
    ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
  }))
  const fallbacks = providers.length - 1
  const ready = state.ready || fallbacks > 0
  return { ...state, ready, fallbacks, providers, reasons: reason === undefined ? [] : [reason] }
}
