import { randomUUID } from 'node:crypto'
import type { Batches, BatchStatus, StoredBatch } from '../storage/parts/batches.ts'
import type { StoredFile } from '../storage/parts/files.ts'
import { unansweredLine } from './answer-line.ts'
import { readLine } from './lines.ts'
import type { BatchFiles } from './parts.ts'
import { webhookOf } from './webhooks/webhook-event.ts'

export type FinalizeOptions = { files: BatchFiles; batches: Batches; now: () => number }

/** Answers may be long. */
const linesAtOnce = 50

type Received = Awaited<ReturnType<BatchFiles['receive']>>

/**
 * Writes the output and error files of a batch of which no line runs any more, and ends it. Killed in the middle, it is done again: what was
 * written before is nobody's to see, and is removed with the uploads that never ended.
 */
export async function finalize(batch: StoredBatch, options: FinalizeOptions): Promise<void> {
  const { batches, files, now } = options
  const { counts, status } = batch
  const isWhole = counts.completed + counts.failed === counts.total
  const to: BatchStatus = status === 'cancelling' ? 'cancelled' : isWhole ? 'completed' : 'expired'
  const received: Received[] = []
  const keep = async (name: string, lines: AsyncIterable<string>): Promise<StoredFile> => {
    const one = await files.receive({
      owner: batch.owner,
      filename: `${batch.id}_${name}.jsonl`,
      content: encoded(lines),
      isOwn: true,
    })
    received.push(one)
    const { outputKeepMs: expiresAfterMs } = batch
    const details = { purpose: 'batch_output', ...(expiresAfterMs && { expiresAfterMs }) } as const
    return files.finished(one, details)
  }
  const output = counts.completed > 0 && (await keep('output', answers(batch, false, options)))
  const error = (counts.failed > 0 || !isWhole) && (await keep('error', errors(batch, to, options)))
  const atMs = now()
  const webhook = webhookOf(batch, to, atMs)
  const isEnded = await batches.complete(batch.id, {
    from: status,
    to,
    atMs,
    counts,
    ...(output && { output }),
    ...(error && { error }),
    ...(webhook && { webhook }),
  })
  if (!isEnded) for (const one of received) await files.discard(one)
}

async function* encoded(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const line of lines) yield Buffer.from(`${line}\n`)
}

async function* answers(
  { id }: StoredBatch,
  isError: boolean,
  { batches }: FinalizeOptions,
): AsyncGenerator<string> {
  for (let after = -1; ;) {
    const page = await batches.results(id, { isError, after, limit: linesAtOnce })
    for (const { body } of page) yield body
    const last = page.at(-1)
    if (last === undefined) return
    after = last.n
  }
}

async function* errors(
  batch: StoredBatch,
  end: BatchStatus,
  options: FinalizeOptions,
): AsyncGenerator<string> {
  yield* answers(batch, true, options)
  const error =
    end === 'cancelled'
      ? { code: 'batch_cancelled', message: 'The batch was cancelled before this line was asked.' }
      : {
          code: 'batch_expired',
          message: 'This line could not be asked before the completion window was over.',
        }
  for (let after = -1; ;) {
    const page = await options.batches.unanswered(batch.id, { after, limit: linesAtOnce })
    for (const { at, bytes } of page) {
      const customId = await customIdOf(batch, { at, bytes }, options.files)
      yield unansweredLine(`req_${randomUUID().replaceAll('-', '')}`, customId, error)
    }
    const last = page.at(-1)
    if (last === undefined) return
    after = last.n
  }
}

/** Null when the input file is not there any more. */
async function customIdOf(
  { inputFile, endpoint }: StoredBatch,
  { at, bytes }: { at: number; bytes: number },
  files: BatchFiles,
): Promise<string | null> {
  try {
    const line = readLine(await files.range(inputFile, at, bytes), endpoint)
    return 'code' in line ? null : line.customId
  } catch {
    return null
  }
}
