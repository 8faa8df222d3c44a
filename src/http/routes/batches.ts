import type { FastifyInstance } from 'fastify'
import type { BatchBook } from '../../batch/batch-book.ts'
import type { StoredBatch } from '../../storage/parts/batches.ts'
import type { RequestRecords } from '../request-records.ts'
import { readPage, shownPage } from '../page.ts'
import { readBatchRequest } from './batch-request.ts'

/** The paths and their methods. */
export const batchPaths = {
  '/v1/batches': 'GET, POST',
  '/v1/batches/:id': 'GET',
  '/v1/batches/:id/cancel': 'POST',
} as const

type ById = { Params: { id: string } }

/** OpenAI's batches: create, retrieve, list, cancel. */
export function mountBatches(
  app: FastifyInstance,
  { batches, records }: { batches: BatchBook; records: RequestRecords },
): void {
  app.post('/v1/batches', async (request, reply) => {
    const { owner, keyId } = records.of(request)
    const caller = { owner, ...(keyId !== undefined && { keyId }) }
    return reply.send(shown(await batches.create({ caller, ...readBatchRequest(request.body) })))
  })
  app.get('/v1/batches', async (request, reply) => {
    const { owner } = records.of(request)
    const page = readPage(request.query, { usual: 20, most: 100 })
    const { batches: found, hasMore } = await batches.list(owner, page)
    return reply.send(shownPage(found.map(shown), hasMore))
  })
  app.get<ById>('/v1/batches/:id', async (request, reply) =>
    reply.send(shown(await batches.find(records.of(request).owner, request.params.id))),
  )
  app.post<ById>('/v1/batches/:id/cancel', async (request, reply) =>
    reply.send(shown(await batches.cancel(records.of(request).owner, request.params.id))),
  )
}

/** A batch as OpenAI's API shows it, and what it has cost. Times are Unix time in seconds. */
function shown(batch: StoredBatch) {
  const { times, use, problems } = batch
  return {
    id: batch.id,
    object: 'batch' as const,
    endpoint: batch.endpoint,
    errors: problems
      ? {
          object: 'list' as const,
          data: problems.map(({ code, message, line, param }) => ({
            code,
            message,
            line: line ?? null,
            param: param ?? null,
          })),
        }
      : null,
    input_file_id: batch.inputFile,
    completion_window: '24h',
    status: batch.status,
    output_file_id: batch.outputFile ?? null,
    error_file_id: batch.errorFile ?? null,
    created_at: at(batch.createdMs),
    in_progress_at: at(times.in_progress),
    expires_at: at(batch.expiresMs),
    finalizing_at: at(times.finalizing),
    completed_at: at(times.completed),
    failed_at: at(times.failed),
    expired_at: at(times.expired),
    cancelling_at: at(times.cancelling),
    cancelled_at: at(times.cancelled),
    request_counts: batch.counts,
    usage: {
      input_tokens: use.inputTokens,
      input_tokens_details: { cached_tokens: use.cachedTokens },
      output_tokens: use.outputTokens,
      output_tokens_details: { reasoning_tokens: use.reasoningTokens },
      total_tokens: use.inputTokens + use.outputTokens,
    },
    cost_usd: use.costMicros / 1e6,
    metadata: batch.metadata ?? null,
  }
}

function at(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.floor(ms / 1000)
}
