import { randomBytes } from 'node:crypto'
import type { StoredBatch } from '../storage/parts/batches.ts'
import { TurnError } from '../turn/error.ts'
import type { BatchFiles, BatchStorage, LineCaller } from './parts.ts'
import { webhookField } from './webhooks/webhook-event.ts'
import type { WebhookHosts } from './webhooks/webhook-hosts.ts'

export type BatchWish = {
  caller: LineCaller
  inputFile: string
  endpoint: string
  metadata?: Record<string, string>
  outputKeepMs?: number
}

export type BatchBookOptions = {
  /** Resolves when the storage is open. */
  storage: Promise<BatchStorage>
  files: Pick<BatchFiles, 'find'>
  webhookHosts: Pick<WebhookHosts, 'refusal'>
  /** Told that there is something to do. */
  onChange: () => void
  /** How long batches that have ended are listed, from their creation on; absent: for ever. */
  keepMs?: number
  now?: () => number
}

/** The one that OpenAI has. */
const windowMs = 24 * 3_600_000

/** Batches as their owners see them. What is another's is not found. */
export class BatchBook {
  readonly #options: BatchBookOptions
  readonly #now: () => number

  constructor(options: BatchBookOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Throws `invalid_value` for an input file that is not there, or is for something else, and for a webhook that may not be sent. */
  async create({ caller, inputFile, ...wish }: BatchWish): Promise<StoredBatch> {
    const { batches } = await this.#options.storage
    this.#expectWebhook(wish.metadata?.[webhookField])
    await this.#expectInput(caller.owner, inputFile)
    const createdMs = this.#now()
    const batch: StoredBatch = {
      id: `batch_${randomBytes(16).toString('hex')}`,
      ...caller,
      inputFile,
      ...wish,
      status: 'validating',
      createdMs,
      expiresMs: createdMs + windowMs,
      times: {},
      counts: { total: 0, completed: 0, failed: 0 },
      use: { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0, costMicros: 0 },
    }
    await batches.insert(batch)
    this.#options.onChange()
    return batch
  }

  /** Throws `batch_not_found`. */
  async find(owner: string, id: string): Promise<StoredBatch> {
    const { batches } = await this.#options.storage
    const batch = await batches.find(owner, id)
    if (batch) return batch
    const shown = JSON.stringify(id.slice(0, 100))
    throw new TurnError('batch_not_found', `No such batch: ${shown}, or it is not yours.`, {
      param: 'batch_id',
    })
  }

  async list(
    owner: string,
    page: { after?: string; limit: number },
  ): Promise<{ batches: StoredBatch[]; hasMore: boolean }> {
    const { batches } = await this.#options.storage
    const found = await batches.list({ owner, ...page })
    return { batches: found.slice(0, page.limit), hasMore: found.length > page.limit }
  }

  /** Lines that run are answered still, others are not asked. Throws `batch_not_found`, and `invalid_value` when it has ended. */
  async cancel(owner: string, id: string): Promise<StoredBatch> {
    const { batches } = await this.#options.storage
    const { status } = await this.find(owner, id)
    if (status === 'cancelling' || status === 'cancelled') return this.find(owner, id)
    const moved = await batches.move(id, {
      from: ['validating', 'in_progress'],
      to: 'cancelling',
      atMs: this.#now(),
    })
    if (moved) {
      this.#options.onChange()
      return moved
    }
    const { status: last } = await this.find(owner, id)
    throw new TurnError('invalid_value', `A batch that is ${last} cannot be cancelled.`, {
      param: 'batch_id',
    })
  }

  /** Removes what is left of batches that have ended: their lines, and after their time they themselves. */
  async clean(): Promise<void> {
    const { batches } = await this.#options.storage
    const { keepMs } = this.#options
    while (await batches.prune());
    if (keepMs !== undefined) while (await batches.removeOld(this.#now() - keepMs));
  }

  #expectWebhook(url: string | undefined): void {
    const refusal = url === undefined ? undefined : this.#options.webhookHosts.refusal(url)
    if (url === undefined || refusal === undefined) return
    const param = `metadata.${webhookField}`
    const shown = JSON.stringify(url.slice(0, 100))
    throw new TurnError('invalid_value', `${param} is ${shown}, ${refusal}`, { param })
  }

  async #expectInput(owner: string, id: string): Promise<void> {
    const param = 'input_file_id'
    const shown = JSON.stringify(id.slice(0, 100))
    const { purpose } = await this.#options.files.find(owner, id).catch((error: unknown) => {
      if (TurnError.from(error).code !== 'file_not_found') throw error
      throw new TurnError(
        'invalid_value',
        `${param} is ${shown}, which is no file of yours. Upload it with POST /v1/files and the purpose "batch".`,
        { param },
      )
    })
    if (purpose === 'batch') return
    throw new TurnError(
      'invalid_value',
      `${param} names a file with the purpose "${purpose}"; it must have been uploaded with the purpose "batch".`,
      { param },
    )
  }
}
