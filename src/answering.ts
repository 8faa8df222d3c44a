import { resolve } from 'node:path'
import type { Config } from './config/config.ts'
import { Engine, type EngineState } from './engine/engine.ts'
import { modelEntries } from './engine/models.ts'
import type { ModelEntry, Readiness } from './http/parts.ts'
import type { Disposal } from './lib/disposal.ts'
import { fallback } from './routing/fallback.ts'
import type { Telemetry } from './telemetry/events.ts'
import type { Gauges } from './telemetry/metrics.ts'
import type { Backend } from './turn/backend.ts'
import { createUpstream } from './upstreams/upstream.ts'
import { packageVersion } from './version.ts'

/** What answers turns, and what it tells of itself. */
export type Answering = {
  backend: Backend
  models: () => Promise<ModelEntry[]>
  readiness: () => Readiness
  gauges: () => Gauges
}

/**
 * Opens Claude Code and the fallbacks; `parts` closes them. Loading these parts takes most of the program's start, so the server listens
 * before it imports this file. Throws what `Engine.open` throws.
 */
export async function openAnswering(
  config: Config,
  log: Telemetry,
  parts: Disposal,
): Promise<Answering> {
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
  // Nobody waits for it: the first request does, and `/ready` tells.
  void engine.warmUp()
  return {
    backend,
    models: async () => modelEntries(await engine.models()),
    readiness: () => readiness(engine.state(), upstreams.length),
    gauges: () => gauges(engine.state()),
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
