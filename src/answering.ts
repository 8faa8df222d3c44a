import { resolve } from 'node:path'
import { type Chain, createChain } from './chain.ts'
import type { Config } from './config/config.ts'
import { cleanDebugLogs } from './engine/debug-logs.ts'
import { Engine, type EngineState } from './engine/engine.ts'
import { modelEntries } from './engine/models.ts'
import type { HttpParts, ModelEntry, ProviderStanding, Readiness } from './http/parts.ts'
import type { Disposal } from './lib/disposal.ts'
import type { Store } from './storage/store.ts'
import type { Telemetry } from './telemetry/events.ts'
import type { Gauges, ProviderState } from './telemetry/metrics.ts'
import type { Backend } from './turn/backend.ts'
import { packageVersion } from './version.ts'

/** What answers turns, and what it tells of itself. */
export type Answering = {
  backend: Backend
  passthrough: NonNullable<HttpParts['passthrough']>
  models: () => Promise<ModelEntry[]>
  readiness: () => Readiness
  gauges: () => Gauges
  providers: () => ProviderState[]
  forgetSession: Engine['forgetSession']
}

/**
 * Opens Claude Code and the other providers; `parts` closes them. Loading these parts takes most of the program's start, so the server
 * listens before it imports this file. Throws what `Engine.open` throws.
 */
export async function openAnswering(
  config: Config,
  log: Telemetry,
  parts: Disposal,
  store: Store,
): Promise<Answering> {
  const engine = await Engine.open({
    ...config.engine,
    clientApp: `claude-code-api/${packageVersion()}`,
    forbidden: [resolve('.env')],
    sessions: store.sessions,
    transcripts: store.transcripts,
    // An embedded database has one server.
    ...(store.engine === 'postgres' && { leases: store.leases }),
    telemetry: log,
  })
  parts.defer(() => engine.close())
  cleanDebug(config, log, parts)
  const chain = createChain(config, engine, parts, { log, store })
  // Nobody waits for it: the first request does, and `/ready` tells.
  void engine.warmUp()
  return {
    backend: chain.backend,
    passthrough: chain.passthroughs.target,
    models: async () => modelEntries(await engine.models()),
    readiness: () => readiness(engine.state(), chain),
    gauges: () => gauges(engine.state()),
    providers: () => [...chain.report(), ...chain.passthroughs.report()],
    forgetSession: (session) => engine.forgetSession(session),
  }
}

const cleanDebugMs = 600_000

/** Debug logs are on this server's own disk. */
function cleanDebug({ engine, retention }: Config, log: Telemetry, parts: Disposal): void {
  const clean = (): void =>
    void cleanDebugLogs(engine.dataDir, Date.now() - retention.debugKeepMs).catch(
      (error: unknown) => log.fault(error),
    )
  clean()
  const timer = setInterval(clean, cleanDebugMs).unref()
  parts.defer(() => clearInterval(timer))
}

/** Fallbacks can answer while Claude Code cannot. */
function readiness({ reason, version, ...state }: EngineState, chain: Chain): Readiness {
  const providers = chain.report().map(shown)
  const endpoints = chain.passthroughs.report().map(shown)
  const { running, limit, queued, waiting, kept } = state
  return {
    ready: state.ready || providers.length > 1,
    reasons: reason === undefined ? [] : [reason],
    ...(version !== undefined && { version }),
    capacity: { running, limit, queued },
    processes: { waiting, kept },
    providers,
    ...(endpoints.length > 0 && { endpoints }),
  }
}

function shown({ untilMs, ...report }: ReturnType<Chain['report']>[number]): ProviderStanding {
  return { ...report, ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }) }
}

function gauges({ running, limit, queued, waiting, kept, reused }: EngineState): Gauges {
  return {
    turns_running: running,
    turns_limit: limit,
    turns_queued: queued,
    processes_waiting: waiting,
    processes_kept: kept,
    conversations_begun_in_used_processes: reused,
  }
}
