import { randomUUID } from 'node:crypto'
import { CommandProblem } from '../command-problem.ts'
import type { Answers } from './answers.ts'
import { ApiProblem, type BatchApi, type ShownBatch } from './api.ts'
import { type Job, type JobLine, metadataKeys } from './job.ts'
import type { Progress } from './progress.ts'
import { beginRound, earlierRounds, endedMs, follow, isEnded, validationProblem } from './rounds.ts'
import { StallWatch } from './stall-watch.ts'

export type RunOptions = {
  api: BatchApi
  /** Where answers and failures are put. */
  answers: Answers
  progress: Progress
  /** Aborted: the batch is left where it is, and the reason is thrown. */
  signal: AbortSignal
  /** The largest file that the server takes, in bytes. */
  limitBytes: number
  /** Ask everything again. */
  isFresh: boolean
  /** End the batch that runs, and ask nothing more. */
  isCancel: boolean
  /** Called before anything is asked when the server knows no answers of an earlier run; may throw. */
  onFirst: () => Promise<void>
  /** Told of batches of others that run at the same server. */
  onOthers: (ids: readonly string[]) => void
  /** Told of each batch that is waited for. */
  onBatch: (id: string) => void
}

/** How many batches were waited for now, and what all of the job have cost; undefined where the server does not say. */
export type JobResult = { rounds: number; costUsd: number | undefined }

/**
 * Has every line of the job answered that is not: goes on with the batch of an earlier run, then begins new ones. Lines that failed in an
 * earlier run are asked again, once; lines of a batch that expired until they are answered.
 */
export function runJob(job: Job, options: RunOptions): Promise<JobResult> {
  return new JobRun(job, options).run()
}

type Round = { batch: ShownBatch; sent?: JobLine[] }

class JobRun {
  readonly #job: Job
  readonly #options: RunOptions
  readonly #costs = new Map<string, number | undefined>()
  /** Asked now, and not to be asked once more. */
  readonly #tried = new Set<string>()
  #run: string = randomUUID()
  #rounds = 0

  constructor(job: Job, options: RunOptions) {
    this.#job = job
    this.#options = options
  }

  async run(): Promise<JobResult> {
    let followed = 0
    let round = await this.#earlier()
    for (round ??= await this.#begin(); round; round = await this.#begin()) {
      followed += 1
      const ended = await this.#follow(round.batch)
      await this.#forgetInput(ended)
      if (ended.status === 'failed') throw validationProblem(ended, round.sent)
      await this.#collect(ended)
      this.#note(round)
      if (ended.status === 'cancelled') break
    }
    return { rounds: followed, costUsd: sum(this.#costs) }
  }

  /** Adds the answers that earlier runs have, and gives the batch that goes on still. */
  async #earlier(): Promise<Round | undefined> {
    const { api, signal, isFresh, isCancel, onFirst, onOthers, progress } = this.#options
    const { rounds, others } = await earlierRounds(api, this.#job, signal)
    onOthers(others)
    const open = rounds.find((batch) => !isEnded(batch))
    if (isCancel && open === undefined)
      throw new CommandProblem('No batch of this command runs; there is nothing to cancel.')
    if (open && (isFresh || isCancel)) {
      await this.#cancel(open)
      if (isFresh) progress.note(`${open.id}, which ran still, is cancelled.`)
    }
    if (isFresh) return undefined
    let known = open === undefined ? 0 : 1
    for (const batch of rounds) if (isEnded(batch) && (await this.#collect(batch))) known += 1
    if (known < rounds.length || rounds.length === 0) await onFirst()
    this.#run = rounds[0]?.metadata?.[metadataKeys.run] ?? this.#run
    this.#rounds = rounds.length
    return open && { batch: open }
  }

  async #cancel({ id }: ShownBatch): Promise<void> {
    try {
      await this.#options.api.cancel(id, this.#options.signal)
    } catch (error) {
      // Too late: it is ending by itself.
      if (!(error instanceof ApiProblem) || error.status !== 400) throw error
    }
  }

  /** A batch of the lines that are left; undefined when none are, or no more are wanted. */
  async #begin(): Promise<Round | undefined> {
    const { api, limitBytes, signal, isCancel } = this.#options
    const lines = this.#left()
    if (lines.length === 0 || isCancel) return undefined
    this.#rounds += 1
    const wish = { run: this.#run, round: this.#rounds, lines, limitBytes }
    return beginRound(api, this.#job, wish, signal)
  }

  #left(): JobLine[] {
    const { answers } = this.#options
    return this.#job.lines.filter(({ id }) => !answers.has(id) && !this.#tried.has(id))
  }

  async #follow({ id }: ShownBatch): Promise<ShownBatch> {
    const { api, signal, progress, onBatch } = this.#options
    onBatch(id)
    const total = this.#job.lines.length
    const doneBefore = total - this.#left().length
    const failedBefore = this.#failed()
    const stall = new StallWatch(api, signal, (text) => progress.note(text))
    return follow(api, id, {
      signal,
      note: (text) => progress.note(text),
      onLook: (batch) => {
        this.#costs.set(id, batch.cost_usd ?? undefined)
        const { completed, failed } = batch.request_counts ?? { completed: 0, failed: 0 }
        const done = Math.min(doneBefore + completed + failed, total)
        stall.look(done)
        progress.update({
          done,
          failed: failedBefore + failed,
          costUsd: sum(this.#costs),
          status: batch.status,
        })
      },
    })
  }

  /** Adds the answers and failures of a batch that has ended. False when they are not kept any more. */
  async #collect(batch: ShownBatch): Promise<boolean> {
    const { api, answers, signal } = this.#options
    this.#costs.set(batch.id, batch.cost_usd ?? undefined)
    const files = [
      { id: batch.output_file_id, isError: false },
      { id: batch.error_file_id, isError: true },
    ]
    for (const { id, isError } of files) {
      if (typeof id !== 'string') continue
      try {
        await answers.add(await api.content(id, signal), { isError, endedMs: endedMs(batch) })
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 404) return false
        throw error
      }
    }
    return true
  }

  /** Lines of a batch of which nothing is known in the end would otherwise be asked for ever. */
  #note({ sent }: Round): void {
    const { answers } = this.#options
    const inIt = sent ?? this.#job.lines.filter(({ id }) => answers.find(id) !== undefined)
    for (const { id } of inIt) if (answers.find(id)?.isUnasked !== true) this.#tried.add(id)
  }

  /** It is of no use any more, and may be large. */
  async #forgetInput({ input_file_id: id }: ShownBatch): Promise<void> {
    try {
      await this.#options.api.remove(id, this.#options.signal)
    } catch (error) {
      // Removed before, or it goes when files of its age do.
      if (!(error instanceof ApiProblem)) throw error
    }
  }

  #failed(): number {
    const { answers } = this.#options
    return this.#job.lines.filter(({ id }) => this.#tried.has(id) && !answers.has(id)).length
  }
}

/** Undefined when none of them says it. */
function sum(costs: ReadonlyMap<string, number | undefined>): number | undefined {
  const known = [...costs.values()].filter((cost) => cost !== undefined)
  return known.length === 0 ? undefined : known.reduce((total, cost) => total + cost, 0)
}
