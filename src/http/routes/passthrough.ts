import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { allowanceOf, checkPassthrough } from '../../access/policy.ts'
import { TurnError } from '../../turn/error.ts'
import { AnswerFacts } from '../answer-facts.ts'
import { deploymentOf, withDeployment } from '../azure-paths.ts'
import { admitTurn } from '../limited.ts'
import { parseJsonBody } from '../middleware/json-body.ts'
import type { HttpParts, PassthroughTarget } from '../parts.ts'
import type { RequestRecords } from '../request-records.ts'
import { stopSignal } from '../stop-signal.ts'

/** OpenAI's endpoints that are no turns, and rerank as Cohere, Jina and others have it. */
export const passedPaths = [
  '/v1/embeddings',
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
  '/v1/audio/translations',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/images/variations',
  '/v1/moderations',
  '/v1/rerank',
] as const

export type PassthroughParts = Pick<
  HttpParts,
  'options' | 'passthrough' | 'limiter' | 'shutdown'
> & {
  records: RequestRecords
}

/** What is not a turn goes whole to whoever has it and is well, in any content type, and the answer comes back as it is. */
export function mountPassthrough(app: FastifyInstance, parts: PassthroughParts): void {
  void app.register(async (scope) => {
    // Nothing is read here: the body goes on as it arrives. Pages are kept out by the guard all the same.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    for (const path of passedPaths) {
      scope.post(path, (request, reply) =>
        pass(parts, request, reply).catch((error: unknown) => {
          // What is left of the body is not read, so nothing else can come on this connection.
          if (!request.raw.readableEnded) void reply.header('connection', 'close')
          throw error
        }),
      )
    }
  })
}

async function pass(
  { options, passthrough, limiter, records, shutdown }: PassthroughParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const path = request.url.replace(/^\/v1/, '')
  const target = await passthrough?.(path.split(/[/?]/, 2)[1] ?? '')
  if (!target) throw nobodyHas(request.routeOptions.url ?? '')
  const record = records.of(request)
  const { policy } = record
  if (policy) checkPassthrough(policy)
  const allowed = policy && allowanceOf(policy)
  const admitted = await admitTurn(limiter, { record, reply })
  if (admitted) reply.raw.once('close', () => admitted.finish())
  const stop = stopSignal(reply.raw, shutdown)
  reply.raw.once('close', stop.release)
  const sent = await forDeployment(request, limited(request, options.bodyLimitBytes))
  const { told, outcome } = await target.pass({
    path,
    ...sent,
    cancellation: stop.cancellation,
    requestId: request.id,
    ...(allowed && { allowed }),
  })
  const facts = new AnswerFacts([], record, false)
  for (const event of told) facts.push(0, event)
  if (outcome instanceof TurnError) {
    void reply.headers(facts.failureHeaders)
    throw outcome
  }
  record.facts.provider = outcome.provider
  await reply
    .code(outcome.status)
    .headers({ ...outcome.headers, ...facts.headers })
    .send(outcome.body)
}

type Sent = Pick<Parameters<PassthroughTarget['pass']>[0], 'headers' | 'body'>

/** What is sent on: as it came, but for JSON on a path of Azure's, whose deployment is the model. A form names its model itself. */
async function forDeployment(
  { raw, headers }: FastifyRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<Sent> {
  const isJson = /^application\/json\b/i.test(headers['content-type'] ?? '')
  if (!isJson || deploymentOf(raw) === undefined) return { headers, body }
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  const changed = withDeployment(raw, parseJsonBody(Buffer.concat(pieces))).body
  const bytes = Buffer.from(JSON.stringify(changed) ?? '')
  return {
    headers: { ...headers, 'content-length': String(bytes.length) },
    body: Readable.from([bytes]),
  }
}

function nobodyHas(path: string): TurnError {
  return new TurnError(
    'unknown_url',
    `Claude Code has no ${path}, and no other API is configured here that has. The owner of this server can add one (FALLBACK_API_URL_1 or PROVIDERS_FILE), and name it in PASSTHROUGH_PROVIDER.`,
  )
}

/** The body of a request; throws `request_too_large` when it is longer than the limit, at once where the header says so. */
function limited(request: FastifyRequest, limitBytes: number): AsyncIterable<Uint8Array> {
  if (Number(request.headers['content-length']) > limitBytes) throw tooLarge(limitBytes)
  return counted(request.raw, limitBytes)
}

async function* counted(body: Readable, limitBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0
  // The connection stays, to carry the refusal.
  try {
    for await (const piece of body.iterator({ destroyOnReturn: false })) {
      const bytes = piece as Uint8Array
      size += bytes.length
      if (size > limitBytes) throw tooLarge(limitBytes)
      yield bytes
    }
  } catch (thrown) {
    if (thrown instanceof TurnError) throw thrown
    // No provider is to blame for it.
    throw new TurnError('request_cancelled', 'The caller left before the request was complete.', {
      cause: thrown,
    })
  }
}

function tooLarge(limitBytes: number): TurnError {
  return new TurnError(
    'request_too_large',
    `The body is larger than ${limitBytes} bytes. The owner of this server can raise BODY_LIMIT_MB.`,
  )
}
