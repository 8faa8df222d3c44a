import { z } from 'zod'
import type { BatchWish } from '../../batch/batch-book.ts'
import { firstProblem } from '../../dialects/openai-chat/problem.ts'

/** What lines may ask: what takes JSON and answers with it. */
export const batchEndpoints = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/embeddings',
  '/v1/moderations',
  '/v1/images/generations',
  '/v1/rerank',
] as const

const hourSeconds = 3_600
const monthSeconds = 2_592_000

const schema = z.object(
  {
    input_file_id: z.string({ error: 'the id of an uploaded file' }).min(1),
    endpoint: z.preprocess(
      withVersion,
      z.enum(batchEndpoints, {
        error: `one of ${batchEndpoints.map((one) => `"${one}"`).join(', ')}`,
      }),
    ),
    completion_window: z.literal('24h', { error: '"24h"' }),
    metadata: z
      .record(z.string().max(64), z.string().max(512), {
        error: 'an object of at most 16 texts',
      })
      .refine((pairs) => Object.keys(pairs).length <= 16, 'an object of at most 16 texts')
      .nullish(),
    output_expires_after: z
      .object(
        {
          anchor: z.literal('created_at', { error: '"created_at"' }),
          seconds: z
            .number()
            .int()
            .min(hourSeconds, `at least ${hourSeconds}`)
            .max(monthSeconds, `at most ${monthSeconds}`),
        },
        { error: 'an object with `anchor` and `seconds`' },
      )
      .nullish(),
  },
  { error: 'a JSON object with `input_file_id`, `endpoint` and `completion_window`' },
)

/** Azure's clients leave `/v1` out. */
function withVersion(endpoint: unknown): unknown {
  return batchEndpoints.find((known) => known === `/v1${String(endpoint)}`) ?? endpoint
}

/** Throws a `TurnError` that names the field. */
export function readBatchRequest(body: unknown): Omit<BatchWish, 'caller'> {
  const { data, error } = schema.safeParse(body)
  if (data === undefined) throw firstProblem(error, body)
  const { input_file_id: inputFile, endpoint, metadata, output_expires_after: expiry } = data
  return {
    inputFile,
    endpoint,
    ...(metadata && { metadata }),
    ...(expiry && { outputKeepMs: expiry.seconds * 1000 }),
  }
}
