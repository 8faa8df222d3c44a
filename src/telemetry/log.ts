import { pino, type Logger } from 'pino'
import { describeError } from './describe-error.ts'
import type { Telemetry } from './events.ts'
import { openLogFile, type LogFile } from './log-file.ts'
import { providerLine, switchLine } from './provider-line.ts'
import { createRedactor } from './redact.ts'
import { requestLine } from './request-line.ts'

export type LogOptions = {
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  /** `auto`: pretty when `output` is a terminal. */
  format: 'auto' | 'pretty' | 'json'
  /** Also write JSON lines here, to rotating files. */
  file?: string
  maxFiles: number
  /** Whether prompts and answers may be written. */
  content: boolean
  /** Values that must not appear in any line. */
  secrets: readonly string[]
}

/** Where lines go besides files: standard output. */
export interface LogOutput {
  write(text: string): unknown
  isTTY?: boolean
}

/** Telemetry as log lines. */
export interface Log extends Telemetry {
  /** Resolves when every line is written; later lines reach only the output. */
  close(): Promise<void>
}

/** Opens the log. Rejects when its file cannot be opened. */
export async function createLog(options: LogOptions, output: LogOutput): Promise<Log> {
  const show = await createPrinter(options, output)
  let file: LogFile | undefined
  if (options.file !== undefined && options.level !== 'silent') {
    file = await openLogFile({
      file: options.file,
      maxFiles: options.maxFiles,
      onFault: (error) =>
        logger.error({ error: describeError(error, options) }, 'the log file cannot be written'),
    })
  }
  const redact = createRedactor(options.secrets)
  const logger: Logger = pino(
    { level: options.level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    {
      write(line: string) {
        const clean = redact(line)
        show(clean)
        file?.write(clean)
      },
    },
  )
  return {
    ...telemetryOn(logger, options),
    async close() {
      const open = file
      file = undefined
      await open?.close()
    },
  }
}

async function createPrinter(
  options: LogOptions,
  output: LogOutput,
): Promise<(line: string) => void> {
  const isTerminal = output.isTTY === true
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && isTerminal)
  if (!isPretty) return (line) => void output.write(line)
  const { prettyFactory } = await import('pino-pretty')
  const prettify = prettyFactory({
    colorize: isTerminal,
    translateTime: 'SYS:HH:MM:ss',
    // The message of an event says the rest.
    include: 'level,time,error,content',
  })
  return (line) => void output.write(prettify(line))
}

function telemetryOn(logger: Logger, options: { content: boolean }): Telemetry {
  // Every request has such a line: what is the same in all of them is written once.
  const finished = logger.child({ event: 'request-finished' })
  return {
    serverStarted: (event) =>
      logger.info({ event: 'server-started', ...event }, `listening on ${event.url}`),
    serverStopped: (event) =>
      logger.info({ event: 'server-stopped', ...event }, `stopped: ${event.reason}`),
    requestFinished(event) {
      const isWhole = options.content || event.content === undefined
      const fields = isWhole ? event : { ...event, content: undefined }
      finished[requestLevel(event)](fields, requestLine(event))
    },
    providerSwitched: (event) =>
      logger.warn({ event: 'provider-switched', ...event }, switchLine(event)),
    providerState: (event) =>
      logger[event.state === 'open' ? 'warn' : 'info'](
        { event: 'provider-state', ...event },
        providerLine(event),
      ),
    webhookTried: (event) =>
      logger[event.outcome === 'delivered' ? 'info' : 'warn'](
        { event: 'webhook-tried', ...event },
        `webhook ${event.id} to ${event.host} ${event.outcome} (${event.status ?? event.failure ?? 'unknown'}), attempt ${event.attempt}, ${event.batch}`,
      ),
    processStarted: (event) =>
      logger.debug({ event: 'process-started', ...event }, `claude ${event.pid} started`),
    processEnded: (event) =>
      logger.debug(
        { event: 'process-ended', ...event },
        `claude ${event.pid} ended (${event.signal ?? event.exitCode ?? 'unknown'})`,
      ),
    warning: (text) => logger.warn({ event: 'warning' }, text),
    fault: (error, id) => {
      const described = describeError(error, options)
      logger.error(
        { event: 'fault', id, error: described },
        `${described.type}: ${described.message}`,
      )
    },
  }
}

/** Failures of this side are errors; what a probe asks every few seconds is of no interest while it goes well. */
function requestLevel(event: {
  route: string
  status: number
  errorCode?: string
}): 'error' | 'info' | 'debug' {
  if (event.status >= 500) return 'error'
  return event.status < 400 && ['/health', '/ready', '/metrics'].includes(event.route)
    ? 'debug'
    : 'info'
}
