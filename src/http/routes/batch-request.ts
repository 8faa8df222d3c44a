import { z } from 'zod'
import type { BatchWish } from '../../batch/batch-book.ts'
import { TurnError } from '../../turn/error.ts'

/** What lines may ask: what takes JSON and answers with it. */
export const batchEndpoints = [
  '/v1/chat/completions',
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
    endpoint: z.enum(batchEndpoints, {
      error: `one of ${batchEndpoints.map((one) => `"${one}"`).join(', ')}`,
    }),
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

/** Throws a `TurnError` that names the field. */
export function readBatchRequest(body: unknown): Omit<BatchWish, 'caller'> {
  const { data, error } = schema.safeParse(body)
  if (data === undefined) throw refusal(body, error.issues[0])
  const { input_file_id: inputFile, endpoint, metadata, output_expires_after: expiry } = data
  return {
    inputFile,
    endpoint,
    ...(metadata && { metadata }),
    ...(expiry && { outputKeepMs: expiry.seconds * 1000 }),
  }
}

function refusal(body: unknown, issue: z.core.$ZodIssue | undefined): TurnError {
  const path = issue?.path.map(String) ?? []
  const param = path.join('.')
  const field = param === '' ? 'The body' : param
  const got = path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined,
    body,
  )
  const details = param === '' ? {} : { param }
  const wanted = issue?.message ?? 'as documented'
  if (got === undefined) {
    const message = `${field} is missing; it must be ${wanted}.`
    return new TurnError('missing_required_parameter', message, details)
  }
  const shown = JSON.stringify(got).slice(0, 100)
  return new TurnError('invalid_value', `${field} must be ${wanted}; got ${shown}.`, details)
}

/** `after` and `limit`. */
export function readPage(query: unknown): { after?: string; limit: number } {
  const asked = new Map(Object.entries(Object(query) as Record<string, unknown>))
  const limit = Number(asked.get('limit') ?? 20)
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw new TurnError('invalid_value', 'limit must be a whole number from 1 to 100.', {
      param: 'limit',
    })
  }
  const after = asked.get('after')
  return { limit, ...(typeof after === 'string' && { after }) }
}
