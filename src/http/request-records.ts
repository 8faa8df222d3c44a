import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { KeyPolicy } from '../access/policy.ts'
import type { RequestFinished, Telemetry } from '../telemetry/events.ts'

/** What is known of a request while it runs. */
export type RequestRecord = {
  /** `performance.now()` at its arrival. */
  startedMs: number
  /** Whose key asked. */
  owner: string
  /** It was the ADMIN_KEY. */
  isAdmin?: boolean
  /** It asks whether the server is ready, without the key that the server asks for. */
  isProbe?: boolean
  /** Of a stored key. */
  keyId?: string
  /** It is a line of a batch. */
  isOneOfMany?: boolean
  /** What the key may do; absent: all that the server does. */
  policy?: KeyPolicy
  /** What routes add for the log. */
  facts: Partial<Omit<RequestFinished, 'id' | 'method' | 'route' | 'durationMs'>>
}

/** The records of the requests that run; each ends as one `requestFinished`, however the request ends. */
export class RequestRecords {
  readonly #records = new WeakMap<FastifyRequest, RequestRecord>()
  readonly #telemetry: Pick<Telemetry, 'requestFinished'>

  constructor(telemetry: Pick<Telemetry, 'requestFinished'>) {
    this.#telemetry = telemetry
  }

  open(request: FastifyRequest, reply: FastifyReply): void {
    const record: RequestRecord = { startedMs: performance.now(), owner: 'anonymous', facts: {} }
    this.#records.set(request, record)
    // A connection that breaks shows as `close`; nobody else needs the error.
    reply.raw.on('error', ignore)
    // `close` comes after `finish`, and alone when the caller has left.
    reply.raw.on('close', () => this.#close(request, reply, record))
  }

  of(request: FastifyRequest): RequestRecord {
    const record = this.#records.get(request)
    if (!record) throw new Error('The request has no record: it did not pass the onRequest hook.')
    return record
  }

  #close(request: FastifyRequest, { raw }: FastifyReply, record: RequestRecord): void {
    const { url } = request.routeOptions
    this.#telemetry.requestFinished({
      id: request.id,
      method: request.method,
      route: url ?? request.url.split('?', 1)[0] ?? '',
      ...(url === undefined && { unrouted: true as const }),
      status: isWhole(request, raw) ? raw.statusCode : 499,
      durationMs: performance.now() - record.startedMs,
      ...record.facts,
    })
  }
}

/** Whether the answer went out to its end. Without a socket it did when it was made: there, what was written counts as waiting a moment longer. */
function isWhole({ raw: { socket } }: FastifyRequest, raw: FastifyReply['raw']): boolean {
  return socket instanceof Socket ? raw.writableFinished : raw.writableEnded
}

function ignore(): void {}
