import { setMaxListeners } from 'node:events'
import { resolve } from 'node:path'
import type { Config } from './config/config.ts'
import { Engine, type EngineState } from './engine/engine.ts'
import { modelEntries } from './engine/models.ts'
import { createApp } from './http/app.ts'
import type { Readiness } from './http/parts.ts'
import { disposal } from './lib/disposal.ts'
import { fallback } from './routing/fallback.ts'
import type { Telemetry } from './telemetry/events.ts'
import { TurnError } from './turn/error.ts'
import { createUpstream } from './upstreams/upstream.ts'
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
    const upstreams = config.fallbacks.map((options) =>
      parts.use(
        createUpstream(options, {
          resolveAttachments: (turn, context) => engine.attachments(turn, context),
          now: Date.now,
        }),
      ),
    )
    const backend =
      upstreams.length === 0
        ? engine
        : fallback([engine, ...upstreams], {
            isClaudeCode: (candidate) => candidate === engine,
            onSwitch: ({ requestId, ...change }) =>
              log.providerSwitched({ id: requestId, ...change }),
          })
    const shutdown = new AbortController()
    // Every running request listens to it; Node would take that for a leak.
    setMaxListeners(0, shutdown.signal)
    const app = await createApp({
      options: { ...config.http, logContent: config.log.content },
      backend,
      models: { list: async () => modelEntries(await engine.models()) },
      readiness: async () => readiness(engine.state(), upstreams.length),
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
function readiness({ reason, ...state }: EngineState, fallbacks: number): Readiness {
  const ready = state.ready || fallbacks > 0
  const { running, limit, queued } = state
  return {
    ...state,
    ready,
    fallbacks,
    reasons: reason === undefined ? [] : [reason],
    capacity: { running, limit, queued },
  }
}
