import { setTimeout as sleep } from 'node:timers/promises'
import { mostLines } from '../../batch/validate.ts'
import { ApiProblem, type BatchApi, type ShownBatch } from './api.ts'
import { type Job, type JobLine, metadataKeys } from './job.ts'
import { CommandProblem } from '../command-problem.ts'

const pageSize = 100
const pollMs = 500
/** So long a server that goes away in the middle is waited for. */
const patienceMs = 10 * 60_000

const newline = Buffer.from('\n')

export function isEnded({ status }: ShownBatch): boolean {
  return ['completed', 'failed', 'expired', 'cancelled'].includes(status)
}

/** When it ended, in milliseconds; 0 when it has not. */
export function endedMs(batch: ShownBatch): number {
  return (batch.completed_at ?? batch.expired_at ?? batch.cancelled_at ?? 0) * 1000
}

export type EarlierRounds = {
  /** The batches of the job since its last `--fresh`, the oldest first. */
  rounds: ShownBatch[]
  /** Batches of others that run, as far as was looked. */
  others: string[]
}

/** Looks through the batches of this key for those of the job. */
export async function earlierRounds(
  api: BatchApi,
  { digest }: Job,
  signal: AbortSignal,
): Promise<EarlierRounds> {
  const rounds: ShownBatch[] = []
  const others: string[] = []
  let after: string | undefined
  for (;;) {
    const page = await api.list({ limit: pageSize, ...(after !== undefined && { after }) }, signal)
    for (const batch of page.batches) {
      const { metadata } = batch
      if (metadata?.[metadataKeys.job] !== digest) {
        if (!isEnded(batch)) others.push(batch.id)
        continue
      }
      const run = rounds[0]?.metadata?.[metadataKeys.run] ?? metadata[metadataKeys.run]
      if (metadata[metadataKeys.run] !== run) continue
      rounds.unshift(batch)
      if (metadata[metadataKeys.round] === '1') return { rounds, others }
    }
    after = page.batches.at(-1)?.id
    if (!page.hasMore || after === undefined) return { rounds, others }
  }
}

export type NewRound = {
  run: string
  /** From 1. */
  round: number
  lines: readonly JobLine[]
  /** The largest file that the server takes, in bytes. */
  limitBytes: number
}

/** Begins a batch of as many of the lines as one may have; `sent`: those. */
export async function beginRound(
  api: BatchApi,
  job: Job,
  { run, round, lines, limitBytes }: NewRound,
  signal: AbortSignal,
): Promise<{ batch: ShownBatch; sent: JobLine[] }> {
  const sent: JobLine[] = []
  async function* content(): AsyncGenerator<Uint8Array> {
    let size = 0
    for (const line of lines.slice(0, mostLines)) {
      signal.throwIfAborted()
      const bytes = await line.read()
      size += bytes.length + 1
      if (size > limitBytes && sent.length > 0) return
      sent.push(line)
      yield Buffer.concat([bytes, newline])
    }
  }
  const inputFile = await api.upload(job.filename, content(), signal)
  const { job: jobKey, run: runKey, round: roundKey } = metadataKeys
  const metadata = { [jobKey]: job.digest, [runKey]: run, [roundKey]: String(round) }
  const batch = await api.create({ inputFile, endpoint: job.endpoint, metadata }, signal)
  return { batch, sent }
}

export type FollowOptions = {
  signal: AbortSignal
  /** Told at each look. */
  onLook: (batch: ShownBatch) => void
  /** Something that the person who waits should know. */
  note: (text: string) => void
}

/** Waits until the batch has ended. A server that does not answer for a while is waited for. */
export async function follow(
  api: BatchApi,
  id: string,
  { signal, onLook, note }: FollowOptions,
): Promise<ShownBatch> {
  let failingSinceMs: number | undefined
  for (;;) {
    try {
      const batch = await api.retrieve(id, signal)
      if (failingSinceMs !== undefined) note('The server answers again.')
      failingSinceMs = undefined
      onLook(batch)
      if (isEnded(batch)) return batch
    } catch (error) {
      if (!isPassing(error)) throw error
      if (failingSinceMs === undefined) note(`${error.message}; waiting for it.`)
      failingSinceMs ??= performance.now()
      if (performance.now() - failingSinceMs > patienceMs) throw error
    }
    await sleep(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

function isPassing(error: unknown): error is ApiProblem {
  if (!(error instanceof ApiProblem)) return false
  return error.status === undefined || error.status === 429 || error.status >= 500
}

/** What is wrong with lines that the server did not take, named as the person knows them. */
export function validationProblem(
  { errors }: ShownBatch,
  sent: readonly JobLine[] | undefined,
): CommandProblem {
  const all = errors?.data ?? []
  const told = all.map(({ line, message }) => {
    const where = line === null || line === undefined ? undefined : sent?.[line - 1]?.label
    const name = where ?? (typeof line === 'number' ? `line ${line}` : 'the input')
    return `${name}: ${message ?? 'not taken'}`
  })
  return new CommandProblem(listed('The server did not take the input; nothing was asked:', told))
}

const mostListed = 20

/** A heading and a line for each problem, up to a bound. */
export function listed(heading: string, problems: readonly string[]): string {
  const more = problems.length - mostListed
  const lines = problems.slice(0, mostListed).map((problem) => `  ${problem}`)
  return [heading, ...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n')
}
