import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../../config/config-error.ts'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import type { ConfigSources } from '../../config/read.ts'
import { CommandProblem } from '../command-problem.ts'
import type { Console } from '../console.ts'
import { catchStopSignals } from '../stop-signals.ts'
import { Answers } from './answers.ts'
import { failureOf } from './failure-of.ts'
import type { Job } from './job.ts'
import { duration, money, type Progress, showProgress } from './progress.ts'
import { type ReachedServer, reachServer, type StartServer } from './reach-server.ts'
import { listed } from './rounds.ts'
import { type JobResult, runJob } from './run-job.ts'
import { besideOf } from './write-whole.ts'

/** What a command does with the answers. */
export interface JobOutput {
  /** Where it goes; undefined: to standard output. */
  readonly path: string | undefined
  /** A file that is there and would be replaced. */
  existing(): Promise<string | undefined>
  /** Writes it, and says in a few words what was written where. */
  write(job: Job, answers: Answers): Promise<string[]>
}

export type JobCommandOptions = {
  console: Console
  startServer: StartServer
  url: string | undefined
  isFresh: boolean
  isCancel: boolean
}

/** Exit statuses. A signal adds its number to 128, as shells do. */
export const statuses = {
  answered: 0,
  someFailed: 1,
  problem: 2,
  SIGINT: 130,
  SIGTERM: 143,
} as const

/** The flags that commands with a job share. */
export const jobFlags = {
  output: { type: 'string', short: 'o' },
  url: { type: 'string' },
  fresh: { type: 'boolean' },
  cancel: { type: 'boolean' },
} as const

/** Runs a command to its exit status; what is wrong with its arguments, settings and files is said in one sentence. */
export async function told(console: Console, work: () => Promise<number>): Promise<number> {
  // A reader of the output that has gone (`| head`) is no fault.
  process.stdout.on('error', () => {})
  try {
    return await work()
  } catch (error) {
    const isKnown =
      error instanceof CommandProblem ||
      error instanceof ConfigError ||
      // Of the file system: a full disk, a folder that may not be written.
      (error instanceof Error && 'syscall' in error)
    if (!isKnown) throw error
    console.err(error.message)
    return statuses.problem
  }
}

/** The configuration for a command that may start a server. */
export function configOf(sources: ConfigSources, settings: string[]): Config {
  return loadConfig({ ...sources, args: settings })
}

/** Has the job answered and its output written. Returns the exit status; throws a `CommandProblem`. */
export async function runJobCommand(
  config: Config,
  { job, output }: { job: Job; output: JobOutput },
  options: JobCommandOptions,
): Promise<number> {
  const { console } = options
  if (options.isFresh && options.isCancel)
    throw new CommandProblem(
      '--fresh asks everything again, --cancel nothing more; give one of them.',
    )
  const signals = catchStopSignals()
  const stop = new AbortController()
  void signals.first.then((signal) => stop.abort(new Stopped(signal)))
  const progress = showProgress(process.stderr, job.lines.length)
  const work = new JobWork(config, job, output, { ...options, progress, signal: stop.signal })
  try {
    return await work.run()
  } catch (error) {
    const reason: unknown = stop.signal.reason
    if (!(reason instanceof Stopped)) throw error
    console.err(work.partingWords())
    return statuses[reason.signal]
  } finally {
    progress.stop()
    signals.release()
  }
}

class Stopped extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM'

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Stopped by ${signal}.`)
    this.signal = signal
  }
}

type WorkOptions = JobCommandOptions & { progress: Progress; signal: AbortSignal }

class JobWork {
  readonly #config: Config
  readonly #job: Job
  readonly #output: JobOutput
  readonly #options: WorkOptions
  #isOwnServer = false
  #batch: string | undefined

  constructor(config: Config, job: Job, output: JobOutput, options: WorkOptions) {
    this.#config = config
    this.#job = job
    this.#output = output
    this.#options = options
  }

  async run(): Promise<number> {
    const { url, startServer, isCancel, progress, signal } = this.#options
    const note = (text: string): void => progress.note(text)
    const asked = { url, startServer, asksNothing: isCancel, note, signal }
    const server = await reachServer(this.#config, asked)
    this.#isOwnServer = server.isOwn
    try {
      signal.throwIfAborted()
      return await this.#answerAndWrite(server)
    } finally {
      if (signal.aborted && server.isOwn) {
        progress.stop()
        note('Stopping: lines that run are answered first. Ctrl-C again ends at once.')
      }
      await server.close()
    }
  }

  /** What to do next, for somebody who has stopped it. */
  partingWords(): string {
    if (this.#batch === undefined) return 'Stopped before anything was asked.'
    return this.#isOwnServer
      ? `Stopped. ${this.#batch} is kept: the same command goes on with it, and ends it with --cancel.`
      : `${this.#batch} goes on at the server. The same command waits for it again, and ends it with --cancel.`
  }

  async #answerAndWrite({ api }: ReachedServer): Promise<number> {
    const { progress, signal, isFresh, isCancel, console } = this.#options
    const { path } = this.#output
    const startedMs = performance.now()
    await using answers = await Answers.open(besideOf(path ?? join(tmpdir(), 'answers')))
    const result = await runJob(this.#job, {
      api,
      answers,
      progress,
      signal,
      isFresh,
      isCancel,
      limitBytes: this.#config.files.uploadLimitBytes,
      onFirst: () => this.#expectRoom(),
      onOthers: (ids) => this.#tellOfOthers(ids),
      onBatch: (id) => {
        this.#batch = id
      },
    })
    progress.stop()
    const written = await this.#output.write(this.#job, answers)
    const seconds = (performance.now() - startedMs) / 1000
    const { lines, status } = await summary(this.#job, answers, { ...result, seconds })
    for (const line of [...lines, ...written]) console.err(line)
    return status
  }

  /** A server of our own goes on with whatever was stopped before. */
  #tellOfOthers(ids: readonly string[]): void {
    if (!this.#isOwnServer || ids.length === 0) return
    this.#options.progress.note(
      `Other commands were stopped and not cancelled; meanwhile this goes on with ${ids.join(', ')}.`,
    )
  }

  async #expectRoom(): Promise<void> {
    const existing = await this.#output.existing()
    if (existing === undefined) return
    throw new CommandProblem(
      `${existing} is there already, and no answers to the same input are known. Name another with -o, or replace it with --fresh.`,
    )
  }
}

async function summary(
  { lines }: Job,
  answers: Answers,
  { rounds, costUsd, seconds }: JobResult & { seconds: number },
): Promise<{ lines: string[]; status: number }> {
  const failed = lines.filter(({ id }) => answers.find(id)?.isError === true)
  const unasked = failed.filter(({ id }) => answers.find(id)?.isUnasked === true).length
  const answered = lines.filter(({ id }) => answers.has(id)).length
  const facts = [
    `${answered} of ${lines.length} answered`,
    failed.length > unasked ? `${failed.length - unasked} failed` : undefined,
    unasked > 0 ? `${unasked} not asked` : undefined,
    costUsd === undefined ? undefined : money(costUsd),
    rounds === 0 ? 'nothing was asked now; --fresh asks everything again' : duration(seconds),
  ]
  const said = [facts.filter((fact) => fact !== undefined).join(' · ')]
  const reasons: string[] = []
  for (const { id, label } of failed) {
    if (answers.find(id)?.isUnasked === true) continue
    const failure = failureOf(await answers.read(id))
    reasons.push(`${label}: ${failure.message}`)
  }
  if (reasons.length > 0) said.push(listed('Failed; the same command asks these again:', reasons))
  const status = answered === lines.length ? statuses.answered : statuses.someFailed
  return { lines: said, status }
}
