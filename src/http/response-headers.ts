import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestRecord } from './request-records.ts'

/** The headers that hooks have set so far, for an answer that is written past Fastify. */
export function responseHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  record: RequestRecord,
): Record<string, string> {
  const own = Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)])
  return { ...Object.fromEntries(own), ...identityHeaders(request.id), ...timeHeader(record) }
}

/** On every answer, as OpenAI's API has them. */
export function identityHeaders(requestId: string): Record<string, string> {
  return { 'x-request-id': requestId, 'openai-version': '2020-10-01' }
}

/** How long it took until the headers went out. */
export function timeHeader({ startedMs }: RequestRecord): Record<string, string> {
  return { 'openai-processing-ms': String(Math.round(performance.now() - startedMs)) }
}
