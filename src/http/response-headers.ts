import type { FastifyReply, FastifyRequest } from 'fastify'
import { speaksAnthropic } from './error-shape.ts'
import type { RequestRecord } from './request-records.ts'

/** The headers that hooks have set so far, for an answer that is written past Fastify. */
export function responseHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  record: RequestRecord,
): Record<string, string> {
  const own = Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)])
  return { ...Object.fromEntries(own), ...identityHeaders(request), ...timeHeader(record) }
}

/** On every answer, as the API has them whose client asks. */
export function identityHeaders(
  request: Pick<FastifyRequest, 'id' | 'url' | 'headers'>,
): Record<string, string> {
  const { id } = request
  return speaksAnthropic(request)
    ? { 'x-request-id': id, 'request-id': id }
    : { 'x-request-id': id, 'openai-version': '2020-10-01' }
}

/** How long it took until the headers went out. */
export function timeHeader({ startedMs }: RequestRecord): Record<string, string> {
  return { 'openai-processing-ms': String(Math.round(performance.now() - startedMs)) }
}
