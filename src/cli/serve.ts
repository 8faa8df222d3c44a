import { setFlagsFromString } from 'node:v8'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/config.ts'
import type { ConfigSources } from '../config/read.ts'
import type { Telemetry } from '../telemetry/events.ts'
import type { Log } from '../telemetry/log.ts'
import { TurnError } from '../turn/error.ts'
import { batchedOutput } from './batched-output.ts'
import { CommandProblem } from './command-problem.ts'
import type { Console } from './console.ts'
import { listenProblem } from './listen-problem.ts'
import { openLog } from './open-log.ts'
import { catchStopSignals, type StopSignals } from './stop-signals.ts'

/** A server that listens. `close` ends it gracefully within the configured time. */
export type RunningServer = {
  url: string
  /** Whether callers need a key. */
  needsKey: boolean
  close(): Promise<void>
}

export type ServeOptions = {
  console: Console
  startServer(config: Config, log: Telemetry): Promise<RunningServer>
}

/**
 * Serves until SIGTERM or SIGINT. Returns the exit status: 1 when the server could not start. Throws `ConfigError` for
 * a configuration that cannot be used.
 */
export async function serve(sources: ConfigSources, options: ServeOptions): Promise<number> {
  const config = loadConfig(sources)
  tuneGarbageCollection()
  const signals = catchStopSignals()
  // A reader of our output that has gone (`| head`) must not end the server.
  process.stdout.on('error', () => {})
  const output = batchedOutput(process.stdout)
  process.on('exit', output.flush)
  let log: Log
  try {
    log = await openLog(config.log, output)
  } catch (error) {
    if (!(error instanceof CommandProblem)) throw error
    options.console.err(error.message)
    return 1
  }
  const onFault = (error: unknown): void => log.fault(error)
  process.on('uncaughtExceptionMonitor', onFault)
  try {
    return await run(config, { ...options, log, signals })
  } finally {
    await log.close()
    output.flush()
    process.off('exit', output.flush)
    process.off('uncaughtExceptionMonitor', onFault)
    signals.release()
  }
}

/**
 * Fits V8's garbage collection to a server, whose requests are many, alike and soon over.
 *
 * - Under load a request lives through one collection of young objects or two; V8 then takes the places that make it for places that make what
 *   lasts, and has them make it old. What it was is kept from then on, with all that it points to, until everything is collected.
 * - V8 collects everything when the old objects and the buffers outside the heap have grown by a few megabytes, which the bodies of a
 *   moment's requests do. Here they may grow to twice what was left.
 */
function tuneGarbageCollection(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
  setFlagsFromString('--heap-growing-percent=100')
}

async function run(
  config: Config,
  parts: ServeOptions & { log: Log; signals: StopSignals },
): Promise<number> {
  const { console, log, signals } = parts
  let server: RunningServer
  try {
    server = await parts.startServer(config, log)
  } catch (error) {
    explain(error, config, { console, log })
    return 1
  }
  log.serverStarted({ url: server.url })
  console.err(welcome(server.url, server.needsKey))
  const signal = await signals.first
  await server.close()
  log.serverStopped({ reason: signal })
  return 0
}

/** Known reasons are a sentence without a stack; others go to the log whole. */
function explain(error: unknown, config: Config, to: { console: Console; log: Log }): void {
  const problem = listenProblem(error, config.http)
  if (problem !== undefined) {
    to.console.err(`Cannot start: ${problem.message}. ${problem.advice}`)
  } else if (error instanceof TurnError) {
    to.console.err(`Cannot start: ${error.message}`)
  } else {
    to.console.err('Cannot start: an unexpected fault, which the log describes.')
    to.log.fault(error)
  }
}

function welcome(url: string, needsKey: boolean): string {
  const key = needsKey ? ' -H "Authorization: Bearer $API_KEY"' : ''
  const body = '{"model":"claude-code","messages":[{"role":"user","content":"Hello"}]}'
  return `Ready: point any OpenAI client at ${url}/v1, or try

  curl ${url}/v1/chat/completions -H 'Content-Type: application/json'${key} -d '${body}'

Files, batches and the rest of the API are listed at ${url}/
`
}
