import type { BatchRow, BatchStatus, StoredBatch } from '../parts/batches.ts'
import type { Sealer } from '../sealer.ts'

export function batchRowOf(batch: StoredBatch, sealer: Sealer): BatchRow {
  const { id, counts, use } = batch
  const sealed = (value: unknown, what: string): string | null =>
    value === undefined ? null : sealer.seal(JSON.stringify(value), `batch ${id} ${what}`)
  return {
    id,
    owner: batch.owner,
    key_id: batch.keyId ?? null,
    endpoint: batch.endpoint,
    input_file: batch.inputFile,
    status: batch.status,
    metadata: sealed(batch.metadata, 'metadata'),
    problems: sealed(batch.problems, 'problems'),
    output_file: batch.outputFile ?? null,
    error_file: batch.errorFile ?? null,
    output_keep_ms: batch.outputKeepMs ?? null,
    created_ms: batch.createdMs,
    expires_ms: batch.expiresMs,
    times: JSON.stringify(batch.times),
    ...counts,
    input_tokens: use.inputTokens,
    cached_tokens: use.cachedTokens,
    output_tokens: use.outputTokens,
    reasoning_tokens: use.reasoningTokens,
    cost_micros: use.costMicros,
    has_lines: 1,
  }
}

export function batchOf(row: BatchRow, sealer: Sealer): StoredBatch {
  const { id } = row
  // What `batchRowOf` wrote.
  const opened = (stored: string | null, what: string): unknown =>
    stored === null ? undefined : JSON.parse(sealer.open(stored, `batch ${id} ${what}`))
  const metadata = opened(row.metadata, 'metadata') as StoredBatch['metadata']
  const problems = opened(row.problems, 'problems') as StoredBatch['problems']
  return {
    id,
    owner: row.owner,
    ...(row.key_id !== null && { keyId: row.key_id }),
    endpoint: row.endpoint,
    inputFile: row.input_file,
    status: row.status as BatchStatus,
    ...(metadata && { metadata }),
    ...(problems && { problems }),
    ...(row.output_file !== null && { outputFile: row.output_file }),
    ...(row.error_file !== null && { errorFile: row.error_file }),
    ...(row.output_keep_ms !== null && { outputKeepMs: row.output_keep_ms }),
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    times: JSON.parse(row.times) as StoredBatch['times'],
    counts: { total: row.total, completed: row.completed, failed: row.failed },
    use: {
      inputTokens: row.input_tokens,
      cachedTokens: row.cached_tokens,
      outputTokens: row.output_tokens,
      reasoningTokens: row.reasoning_tokens,
      costMicros: row.cost_micros,
    },
  }
}
