import { createHash } from 'node:crypto'
import type { BatchItem, BatchProblem, StoredBatch } from '../storage/parts/batches.ts'
import { TurnError } from '../turn/error.ts'
import { rawLines, readLine } from './lines.ts'
import type { BatchFiles, BatchStorage } from './parts.ts'
import { webhookOf } from './webhooks/webhook-event.ts'

export type ValidateOptions = {
  files: BatchFiles
  batches: BatchStorage['batches']
  /** The longest line, in bytes. */
  lineLimitBytes: number
  now: () => number
  /** Whether to stop in the middle; it is done again then. */
  isOver: () => boolean
}

/** As OpenAI has it. */
export const mostLines = 50_000
/** A file that is wrong is mostly wrong in every line. */
const mostProblems = 100
const rowsAtOnce = 500

/** Reads every line of the input. Then the batch is `in_progress`, or `failed` and says which lines are wrong. */
export async function validate(batch: StoredBatch, options: ValidateOptions): Promise<void> {
  const { batches, now } = options
  const checked = await check(batch, options)
  if (checked === undefined) return
  const { total, problems } = checked
  if (problems.length > 0) {
    const atMs = now()
    const webhook = webhookOf(batch, 'failed', atMs)
    const how = { from: ['validating'], to: 'failed', atMs, problems } as const
    await batches.move(batch.id, { ...how, ...(webhook && { webhook }) })
  } else {
    await batches.move(batch.id, { from: ['validating'], to: 'in_progress', atMs: now(), total })
  }
}

async function check(
  { id, owner, inputFile, endpoint }: StoredBatch,
  { files, batches, lineLimitBytes, isOver }: ValidateOptions,
): Promise<{ total: number; problems: BatchProblem[] } | undefined> {
  const problems: BatchProblem[] = []
  const note = (found: BatchProblem): void => {
    if (problems.length < mostProblems) problems.push(found)
  }
  const firstLine = new Map<string, number>()
  let total = 0
  let waiting: BatchItem[] = []
  try {
    const { content } = await files.open(owner, inputFile)
    for await (const { content: bytes, ...item } of rawLines(content, lineLimitBytes)) {
      if (isOver()) return undefined
      total += 1
      if (total > mostLines) break
      const line = item.n + 1
      if (bytes === undefined) {
        note({ code: 'line_too_long', message: tooLong(lineLimitBytes), line })
        continue
      }
      const read = readLine(bytes, endpoint)
      if ('code' in read) {
        note({ ...read, line })
        continue
      }
      const key = digest(read.customId)
      const first = firstLine.get(key)
      if (first !== undefined) note(duplicate(first, line))
      firstLine.set(key, first ?? line)
      waiting.push(item)
      if (waiting.length < rowsAtOnce) continue
      if (problems.length === 0 && !(await batches.addItems(id, waiting))) return undefined
      waiting = []
    }
  } catch (error) {
    if (TurnError.from(error).code !== 'file_not_found') throw error
    const message = 'The input file is not there any more.'
    return { total: 0, problems: [{ code: 'file_not_found', message, param: 'input_file_id' }] }
  }
  if (total === 0) note({ code: 'empty_file', message: 'The input file has no lines.' })
  if (total > mostLines) {
    const message = `The input file has more than ${mostLines} lines. Divide it into several batches.`
    problems.unshift({ code: 'too_many_tasks', message })
  }
  const isReady = problems.length === 0 && waiting.length > 0
  if (isReady && !(await batches.addItems(id, waiting))) return undefined
  return { total, problems }
}

/** Of one length, so that memory stays flat. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

function duplicate(first: number, line: number): BatchProblem {
  const message = `custom_id is the one of line ${first}; each line must have its own.`
  return { code: 'duplicate_custom_id', message, line, param: 'custom_id' }
}

function tooLong(limit: number): string {
  return `The line is longer than ${limit} bytes. The owner of this server can raise BODY_LIMIT_MB.`
}
