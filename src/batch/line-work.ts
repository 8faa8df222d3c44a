import { randomUUID } from 'node:crypto'
import type { Batches, StoredBatch, TakenItem } from '../storage/parts/batches.ts'
import { TurnError } from '../turn/error.ts'
import { answerLine, unansweredLine, useOf } from './answer-line.ts'
import { readLine } from './lines.ts'
import type { BatchFiles, Dispatch, LineAnswer } from './parts.ts'

export type LineOutcome =
  /** `keep` records it; when the line is another's by now, nothing happens. */
  | { type: 'answered'; keep: () => Promise<boolean> }
  /** Whoever would answer is too busy or away: not the line's fault. */
  | { type: 'later'; retryAfterMs: number | undefined }
  /** It failed in a way that may not come again. */
  | { type: 'again' }

export type LineWorkOptions = {
  batches: Pick<Batches, 'finish'>
  files: Pick<BatchFiles, 'range'>
  dispatch: Dispatch
  worker: string
}

/** How often a line is asked that breaks. */
const mostAttempts = 3

/** Has one line answered. */
export class LineWork {
  readonly #options: LineWorkOptions

  constructor(options: LineWorkOptions) {
    this.#options = options
  }

  async answer(batch: StoredBatch, item: TakenItem): Promise<LineOutcome> {
    const { files, dispatch } = this.#options
    const id = `req_${randomUUID().replaceAll('-', '')}`
    let content: Buffer
    try {
      content = await files.range(batch.inputFile, item.at, item.bytes)
    } catch (error) {
      const { code, message } = TurnError.from(error)
      if (code === 'storage_unavailable') return { type: 'later', retryAfterMs: undefined }
      return this.#failed(batch, item, unansweredLine(id, null, { code, message }))
    }
    const line = readLine(content, batch.endpoint)
    if ('code' in line) {
      // The file was validated: it is not the same any more.
      return this.#failed(batch, item, unansweredLine(id, null, line))
    }
    const { owner, keyId } = batch
    const answer = await dispatch({
      id,
      path: batch.endpoint,
      body: JSON.stringify(line.body),
      caller: { owner, ...(keyId !== undefined && { keyId }) },
    })
    const { status } = answer
    if (status === 429 || status === 503) return { type: 'later', retryAfterMs: waitOf(answer) }
    if (status === 502 && item.attempts + 1 < mostAttempts) return { type: 'again' }
    const isError = status < 200 || status > 299
    const body = answerLine(id, line.customId, answer)
    const result = { n: item.n, isError, body, use: useOf(answer) }
    const { batches, worker } = this.#options
    return { type: 'answered', keep: () => batches.finish(batch.id, worker, result) }
  }

  #failed({ id }: StoredBatch, { n }: TakenItem, body: string): LineOutcome {
    const { batches, worker } = this.#options
    return { type: 'answered', keep: () => batches.finish(id, worker, { n, isError: true, body }) }
  }
}

function waitOf({ headers }: LineAnswer): number | undefined {
  const ms = Number(headers['retry-after-ms'] ?? Number.NaN)
  return Number.isFinite(ms) ? ms : undefined
}
