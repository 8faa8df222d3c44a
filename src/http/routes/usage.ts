import type { FastifyInstance } from 'fastify'
import { shownUsage } from '../../access/usage.ts'
import { TurnError } from '../../turn/error.ts'
import type { HttpParts } from '../parts.ts'
import type { RequestRecords } from '../request-records.ts'

/** The path and its method. */
export const usagePaths = { '/v1/usage': 'GET' } as const

/** What is given twice is a list. */
type Text = string | string[]
type Query = { Querystring: { start?: Text; end?: Text; format?: Text } }

const columns = [
  'date',
  'owner',
  'provider',
  'model',
  'requests',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'cost_usd',
] as const satisfies (keyof ReturnType<typeof shownUsage>)[]

/** GET /v1/usage: what the caller's key has used, by day, provider and model; with the ADMIN_KEY everybody's. */
export function mountUsage(
  app: FastifyInstance,
  { usage, records }: Pick<HttpParts, 'usage'> & { records: RequestRecords },
): void {
  app.get<Query>('/v1/usage', async (request, reply) => {
    if (!usage) throw new TurnError('unknown_url', 'This server counts no usage.')
    const { start, end, format = 'json' } = request.query
    if (format !== 'json' && format !== 'csv') {
      throw new TurnError('invalid_value', 'format: it may be `json` or `csv`.', {
        param: 'format',
      })
    }
    const { owner, isAdmin } = records.of(request)
    const days = await usage.list({
      ...(isAdmin !== true && { owner }),
      ...(start !== undefined && { start: String(start) }),
      ...(end !== undefined && { end: String(end) }),
    })
    const data = days.map(shownUsage)
    void reply.header('cache-control', 'no-store')
    if (format === 'json') return reply.send({ object: 'list', data })
    const lines = data.map((row) => columns.map((name) => cell(row[name])).join(','))
    return reply
      .type('text/csv; charset=utf-8')
      .send([columns.join(','), ...lines, ''].join('\r\n'))
  })
}

/** Spreadsheets take a text that begins like this for a formula. */
const formula = /^[=+\-@\t\r]/

function cell(value: string | number): string {
  if (typeof value === 'number') return String(Number(value.toFixed(6)))
  const text = formula.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
