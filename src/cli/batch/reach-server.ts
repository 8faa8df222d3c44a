import type { Config } from '../../config/config.ts'
import { all } from '../../telemetry/all.ts'
import type { Telemetry } from '../../telemetry/events.ts'
import { silentTelemetry } from '../../telemetry/silent.ts'
import { TurnError } from '../../turn/error.ts'
import { CommandProblem } from '../command-problem.ts'
import { openLog } from '../open-log.ts'
import { reachableUrl } from '../reachable-url.ts'
import type { RunningServer } from '../serve.ts'
import { ApiProblem, BatchApi } from './api.ts'

export type StartServer = (config: Config, log: Telemetry) => Promise<RunningServer>

/** A server that batches can be given to. `isOwn`: it was started for this, and ends with `close`. */
export type ReachedServer = { api: BatchApi; isOwn: boolean; close(): Promise<void> }

export type ReachOptions = {
  /** The one to ask; undefined: the one that HOST and PORT name where it runs, or else one of our own. */
  url: string | undefined
  startServer: StartServer
  /** One of our own asks nothing: it is there to end a batch. */
  asksNothing?: boolean
  note: (text: string) => void
  signal: AbortSignal
}

/** Finds the server, or starts one in this process with the same settings. Throws a `CommandProblem`. */
export async function reachServer(config: Config, options: ReachOptions): Promise<ReachedServer> {
  const { url, signal } = options
  const { host, port, apiKey } = config.http
  if (url !== undefined) return named(new BatchApi({ url: baseOf(url), apiKey }), signal)
  if (port !== 0) {
    const api = new BatchApi({ url: reachableUrl(host, port), apiKey })
    if (await isOurs(api, signal))
      return { api, isOwn: false, close: () => api[Symbol.asyncDispose]() }
    await api[Symbol.asyncDispose]()
  }
  return startOwn(config, options)
}

async function named(api: BatchApi, signal: AbortSignal): Promise<ReachedServer> {
  try {
    await api.list({ limit: 1 }, signal)
  } catch (error) {
    await api[Symbol.asyncDispose]()
    throw error
  }
  return { api, isOwn: false, close: () => api[Symbol.asyncDispose]() }
}

/** `--url` with or without `/v1`. */
function baseOf(url: string): string {
  const isHttp = /^https?:\/\//.test(url) && URL.canParse(url)
  if (isHttp) return url.replace(/\/+$/, '').replace(/\/v1$/, '')
  throw new CommandProblem(
    `--url is ${JSON.stringify(url)}; it may be the address of a server, such as http://127.0.0.1:8082`,
  )
}

/** Longer than a server that is busy needs. */
const patienceMs = 30_000

/** Whether a server of batches listens there. Another program at that port is none; a server that wants a key is one. */
async function isOurs(api: BatchApi, signal: AbortSignal): Promise<boolean> {
  const patience = AbortSignal.timeout(patienceMs)
  try {
    await api.list({ limit: 1 }, AbortSignal.any([signal, patience]))
    return true
  } catch (error) {
    if (patience.aborted && !signal.aborted)
      throw new CommandProblem(
        `${api.url} takes connections and does not answer. Stop what listens there, or name another server with --url.`,
      )
    if (!(error instanceof ApiProblem)) throw error
    if (error.status === 401 || error.status === 403 || error.status === 503) throw error
    return false
  }
}

/** More than any server has. */
const allPlaces = 4_096

/** Reached from this machine only; with nobody else to leave room for, a batch may have every place. */
function ownConfig(config: Config, asksNothing: boolean): Config {
  const { concurrency: allowed } = config.batches
  const concurrency = asksNothing ? 0 : allowed
  return {
    ...config,
    http: { ...config.http, host: '127.0.0.1', port: 0 },
    batches: { ...config.batches, concurrency: concurrency === 'auto' ? allPlaces : concurrency },
  }
}

async function startOwn(
  config: Config,
  { startServer, asksNothing = false, note }: ReachOptions,
): Promise<ReachedServer> {
  // Only what the owner must know reaches the terminal; the rest goes where LOG_TO_FILE says.
  const log = await openLog(config.log, { write: () => true })
  const shown = await openLog(
    { ...config.log, format: 'pretty', file: undefined },
    { write: (text) => note(text.trimEnd()) },
  )
  const telemetry = all(log, {
    ...silentTelemetry,
    warning: (text) => shown.warning(text),
    fault: (error, id) => shown.fault(error, id),
  })
  try {
    const server = await startServer(ownConfig(config, asksNothing), telemetry)
    const api = new BatchApi({ url: server.url, apiKey: config.http.apiKey })
    return {
      api,
      isOwn: true,
      async close() {
        await api[Symbol.asyncDispose]()
        await server.close()
        await log.close()
      },
    }
  } catch (error) {
    await log.close()
    if (error instanceof TurnError)
      throw new CommandProblem(
        `No server answers at HOST and PORT, and none can start here: ${error.message} One that runs elsewhere is named with --url.`,
      )
    throw error
  }
}
