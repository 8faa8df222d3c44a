import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { Agent, type Dispatcher, request } from 'undici'
import { z } from 'zod'
import { CommandProblem } from '../command-problem.ts'

/** What is read of a batch; every OpenAI-compatible server says it, but for `cost_usd`. */
const batchSchema = z.looseObject({
  id: z.string(),
  status: z.enum([
    'validating',
    'failed',
    'in_progress',
    'finalizing',
    'completed',
    'expired',
    'cancelling',
    'cancelled',
  ]),
  input_file_id: z.string(),
  output_file_id: z.string().nullish(),
  error_file_id: z.string().nullish(),
  completed_at: z.number().nullish(),
  expired_at: z.number().nullish(),
  cancelled_at: z.number().nullish(),
  errors: z
    .looseObject({
      data: z.array(z.looseObject({ message: z.string().nullish(), line: z.number().nullish() })),
    })
    .nullish(),
  request_counts: z
    .looseObject({ total: z.number(), completed: z.number(), failed: z.number() })
    .nullish(),
  cost_usd: z.number().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
})
const pageSchema = z.looseObject({ data: z.array(batchSchema), has_more: z.boolean() })
const fileSchema = z.looseObject({ id: z.string() })
const readySchema = z.looseObject({ reasons: z.array(z.string()) })
const errorSchema = z.looseObject({ error: z.looseObject({ message: z.string() }) })

/** A batch as the server shows it. */
export type ShownBatch = z.infer<typeof batchSchema>

/** A server that did not do what it was asked. `status` is undefined when it did not answer at all. */
export class ApiProblem extends CommandProblem {
  override name = 'ApiProblem'
  readonly status: number | undefined

  constructor(message: string, status?: number) {
    super(message)
    this.status = status
  }
}

/** OpenAI's batch API at `url` (without `/v1`). Each method throws an `ApiProblem`, and the signal's reason once that is aborted. */
export class BatchApi implements AsyncDisposable {
  readonly url: string
  readonly #headers: Record<string, string>
  readonly #dispatcher: Dispatcher = new Agent()

  constructor({ url, apiKey }: { url: string; apiKey: string | undefined }) {
    this.url = url
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
  }

  /** A page of the batches of this key, the newest first. */
  async list(
    { after, limit }: { after?: string; limit: number },
    signal: AbortSignal,
  ): Promise<{ batches: ShownBatch[]; hasMore: boolean }> {
    const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
    const page = await this.#ask('GET', `/v1/batches?limit=${limit}${from}`, pageSchema, { signal })
    return { batches: page.data, hasMore: page.has_more }
  }

  retrieve(id: string, signal: AbortSignal): Promise<ShownBatch> {
    return this.#ask('GET', `/v1/batches/${id}`, batchSchema, { signal })
  }

  cancel(id: string, signal: AbortSignal): Promise<ShownBatch> {
    return this.#ask('POST', `/v1/batches/${id}/cancel`, batchSchema, { signal })
  }

  create(
    wish: { inputFile: string; endpoint: string; metadata: Record<string, string> },
    signal: AbortSignal,
  ): Promise<ShownBatch> {
    const { inputFile, ...rest } = wish
    const body = JSON.stringify({ input_file_id: inputFile, completion_window: '24h', ...rest })
    const headers = { 'content-type': 'application/json' }
    return this.#ask('POST', '/v1/batches', batchSchema, { body, headers, signal })
  }

  /** Uploads the lines as they come, and gives the id of the file. What `lines` throws is thrown. */
  async upload(
    filename: string,
    lines: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<string> {
    const boundary = `lines-${randomUUID()}`
    let failure: { reason: unknown } | undefined
    async function* form(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.from(formStart(boundary, filename))
        for await (const line of lines) yield line
        yield Buffer.from(`\r\n--${boundary}--\r\n`)
      } catch (reason) {
        failure = { reason }
        throw reason
      }
    }
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
    const body = Readable.from(form(), { objectMode: false })
    try {
      const { id } = await this.#ask('POST', '/v1/files', fileSchema, { body, headers, signal })
      return id
    } catch (error) {
      throw failure === undefined ? error : failure.reason
    }
  }

  /** The bytes of a file. */
  async content(id: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const answered = await this.#request('GET', `/v1/files/${id}/content`, { signal })
    if (answered.statusCode === 200) return answered.body
    throw await refusal(answered, `${this.url}/v1/files/${id}/content`)
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#ask('DELETE', `/v1/files/${id}`, fileSchema, { signal })
  }

  /** Why the server cannot answer now, as far as it says. */
  async reasons(signal: AbortSignal): Promise<string[]> {
    const { body } = await this.#request('GET', '/ready', { signal })
    const { data } = readySchema.safeParse(await body.json().catch(() => undefined))
    return data?.reasons ?? []
  }

  async #ask<Answer>(
    method: Dispatcher.HttpMethod,
    path: string,
    schema: z.ZodType<Answer>,
    options: RequestOptions,
  ): Promise<Answer> {
    const answered = await this.#request(method, path, options)
    if (answered.statusCode !== 200) throw await refusal(answered, `${this.url}${path}`)
    const { data } = schema.safeParse(await answered.body.json().catch(() => undefined))
    if (data !== undefined) return data
    throw new ApiProblem(
      `${this.url}${path} gave an answer that is not of OpenAI's batch API; is it another server?`,
      answered.statusCode,
    )
  }

  async #request(
    method: Dispatcher.HttpMethod,
    path: string,
    { headers, signal, ...rest }: RequestOptions,
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await request(`${this.url}${path}`, {
        method,
        headers: { ...this.#headers, ...headers },
        dispatcher: this.#dispatcher,
        signal,
        ...rest,
      })
    } catch (error) {
      signal.throwIfAborted()
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
      throw new ApiProblem(`${this.url} does not answer${code}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy()
  }
}

type RequestOptions = {
  body?: string | Readable
  headers?: Record<string, string>
  signal: AbortSignal
}

function formStart(boundary: string, filename: string): string {
  // Quotes and line breaks would end the name.
  const name = filename.replaceAll(/["\r\n\\]/g, '_')
  return [
    `--${boundary}`,
    'content-disposition: form-data; name="purpose"',
    '',
    'batch',
    `--${boundary}`,
    `content-disposition: form-data; name="file"; filename="${name}"`,
    'content-type: application/jsonl',
    '',
    '',
  ].join('\r\n')
}

async function refusal(
  { statusCode: status, body }: Dispatcher.ResponseData,
  url: string,
): Promise<ApiProblem> {
  const { data } = errorSchema.safeParse(await body.json().catch(() => undefined))
  const said = data?.error.message ?? 'without saying why'
  const advice =
    status === 401 ? ' (the key comes from API_KEY, in `.env`, the environment or --api-key)' : ''
  return new ApiProblem(`${url} refused with status ${status}: ${said}${advice}`, status)
}
