import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The caller's own `x-request-id` where it is harmless in logs, headers and file names; else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const asked = headers['x-request-id']
  if (typeof asked === 'string' && /^[A-Za-z0-9][\w.:-]{0,127}$/.test(asked)) return asked
  return `req_${randomUUID().replaceAll('-', '')}`
}
