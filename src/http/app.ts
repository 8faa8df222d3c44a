import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Caller } from '../access/caller.ts'
import { TurnError } from '../turn/error.ts'
import { rewriteUrl } from './azure-paths.ts'
import { answerClientError } from './client-error.ts'
import { Connections } from './connections.ts'
import { errorAnswer } from './error-shape.ts'
import { adminAuthenticator, authenticator, offersKey } from './middleware/authenticate.ts'
import { corsHeaders, preflightHeaders } from './middleware/cors.ts'
import { guard } from './middleware/guard.ts'
import { parseJsonBody } from './middleware/json-body.ts'
import { requestId } from './middleware/request-id.ts'
import type { HttpParts } from './parts.ts'
import { namingNul } from './nul-field.ts'
import { isFault, problem, retryHeaders } from './problem.ts'
import { repeatedBody } from './repeated.ts'
import { RequestRecords } from './request-records.ts'
import { identityHeaders, timeHeader } from './response-headers.ts'
import { adminKeyPaths, mountAdminKeys } from './routes/admin-keys.ts'
import { cachePaths, mountCache } from './routes/cache.ts'
import { mountChatCompletions } from './routes/chat-completions.ts'
import { mountCompletions } from './routes/completions.ts'
import { conversationPaths, mountConversations } from './routes/conversations.ts'
import { filePaths, mountFiles } from './routes/files.ts'
import { batchPaths, mountBatches } from './routes/batches.ts'
import { mountHealth } from './routes/health.ts'
import { mountHome } from './routes/home.ts'
import { messagePaths, mountMessages } from './routes/messages.ts'
import { mountMetrics } from './routes/metrics.ts'
import { mountModels } from './routes/models.ts'
import { mountOllama, ollamaPaths } from './routes/ollama.ts'
import { mountPassthrough, passedPaths } from './routes/passthrough.ts'
import { mountResponses, responsePaths } from './routes/responses.ts'
import { mountSessions, sessionPaths } from './routes/sessions.ts'
import { completionPaths, mountStoredCompletions } from './routes/stored-completions.ts'
import { mountUsage, usagePaths } from './routes/usage.ts'
import { refuseOtherMethods, unknownUrl } from './routes/unknown.ts'

/** Every path and its method; HEAD comes along with GET. */
export const routes = {
  '/': 'GET',
  '/health': 'GET',
  '/ready': 'GET',
  '/metrics': 'GET',
  '/v1/models': 'GET',
  '/v1/models/*': 'GET',
  ...completionPaths,
  '/v1/completions': 'POST',
  ...ollamaPaths,
  ...responsePaths,
  ...conversationPaths,
  ...messagePaths,
  ...cachePaths,
  ...filePaths,
  ...batchPaths,
  ...sessionPaths,
  ...adminKeyPaths,
  ...usagePaths,
  ...(Object.fromEntries(passedPaths.map((path) => [path, 'POST'])) as Record<
    (typeof passedPaths)[number],
    'POST'
  >),
} as const

/** Between two requests of one connection; longer than clients and proxies keep theirs, so that they close first. */
const keepAliveMs = 75_000
/** For a request to arrive, body included. */
const arrivalMs = 300_000

/**
 * The HTTP server, not listening yet. `close()` stops taking requests and waits for running answers; `parts.shutdown` ends those.
 * @see HttpParts
 */
export async function createApp(parts: HttpParts): Promise<FastifyInstance> {
  const { bodyLimitBytes } = parts.options
  const records = new RequestRecords(parts.telemetry)
  const app = Fastify({
    logger: false,
    bodyLimit: bodyLimitBytes,
    genReqId: requestId,
    requestIdHeader: false,
    keepAliveTimeout: keepAliveMs,
    requestTimeout: arrivalMs,
    // A request on an open connection is refused by `hookRequests`, in OpenAI's words.
    return503OnClosing: false,
    rewriteUrl,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000 },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => fail(error, request, reply),
  })
  const fail = failure(parts)
  app.setErrorHandler((error, request, reply) => fail(error, request, reply, records))
  hookRequests(app, parts, records)
  // A log that is to have the content needs every body read.
  const cache = parts.options.logContent ? undefined : parts.cache
  readJsonOnly(app, bodyLimitBytes, (request, bytes) =>
    repeatedBody(cache, request, records.of(request), bytes),
  )
  mountHome(app, { ...parts, records, routes })
  mountHealth(app, { ...parts, records })
  mountMetrics(app, parts)
  mountModels(app, parts)
  mountOllama(app, parts)
  mountChatCompletions(app, { ...parts, records })
  mountStoredCompletions(app, { ...parts, records })
  mountCompletions(app, { ...parts, records })
  mountResponses(app, { ...parts, records })
  mountConversations(app, { ...parts, records })
  mountMessages(app, { ...parts, records })
  mountCache(app, { ...parts, records })
  if (parts.files) {
    const { book, uploadLimitBytes } = parts.files
    mountFiles(app, { files: book, uploadLimitBytes, records })
  }
  if (parts.batches) mountBatches(app, { batches: parts.batches, records })
  mountSessions(app, { ...parts, records })
  mountAdminKeys(app, parts)
  mountUsage(app, { ...parts, records })
  mountPassthrough(app, { ...parts, records })
  refuseOtherMethods(app, routes)
  app.setNotFoundHandler((request) => {
    throw unknownUrl(request.method, request.originalUrl, Object.keys(routes))
  })
  await app.ready()
  return app
}

type Admitted = 'goes-on' | 'answered'

/** What every request passes before its route: id, guard, key. */
function hookRequests(
  app: FastifyInstance,
  { options, storedKeys, lines }: HttpParts,
  records: RequestRecords,
): void {
  const authenticate = authenticator(options.apiKey, storedKeys)
  const admin = adminAuthenticator(options.adminKey)
  const connections = new Connections(app.server)
  app.addHook('preClose', async () => connections.close())
  const enter = (request: FastifyRequest, caller: Caller): 'goes-on' => {
    Object.assign(records.of(request), caller)
    return 'goes-on'
  }
  /** Load balancers ask without a key, and are told no more than they need. */
  const probe = async (request: FastifyRequest): Promise<'goes-on'> => {
    try {
      return enter(request, await authenticate(request.headers))
    } catch {
      records.of(request).isProbe = true
      return 'goes-on'
    }
  }
  const admit = (request: FastifyRequest, reply: FastifyReply): Admitted | Promise<Admitted> => {
    records.open(request, reply)
    void reply.headers(identityHeaders(request))
    const asker = lines?.callerOf(request)
    if (asker) {
      records.of(request).isOneOfMany = true
      return enter(request, asker)
    }
    if (connections.isClosing) void reply.header('connection', 'close')
    guard(request, options)
    void reply.headers(corsHeaders(request.headers, options))
    if (request.method === 'OPTIONS') {
      void reply.code(204).headers(preflightHeaders(request.headers, options)).send()
      return 'answered'
    }
    if (connections.isClosing)
      throw new TurnError('shutting_down', 'This server is stopping. Try again soon.')
    if (isOpenToAll(request)) return 'goes-on'
    if (request.routeOptions.url?.startsWith('/v1/admin/')) {
      admin.authenticate(request.headers)
      return 'goes-on'
    }
    if (request.routeOptions.url === '/v1/usage' && admin.is(request.headers)) {
      records.of(request).isAdmin = true
      return 'goes-on'
    }
    if (request.routeOptions.url === '/ready' && !offersKey(request.headers)) return probe(request)
    const caller = authenticate(request.headers)
    if (caller instanceof Promise) return caller.then((known) => enter(request, known))
    return enter(request, caller)
  }
  // Callbacks, and not promises: every request passes here.
  app.addHook('onRequest', (request, reply, done) => {
    try {
      const admitted = admit(request, reply)
      if (admitted === 'goes-on') done()
      else if (admitted !== 'answered') void whenAdmitted(admitted, done)
    } catch (error) {
      done(TurnError.from(error))
    }
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    void reply.headers(timeHeader(records.of(request)))
    done()
  })
}

/** Only where the storage must be asked who it is. */
async function whenAdmitted(
  admitted: Promise<Admitted>,
  done: (error?: TurnError) => void,
): Promise<void> {
  const failure = await admitted.then(
    () => undefined,
    (error: unknown) => TurnError.from(error),
  )
  done(failure)
}

/** /health is for probes; a HEAD of the start page says nothing but that somebody is here. */
function isOpenToAll({ method, routeOptions }: FastifyRequest): boolean {
  return routeOptions.url === '/health' || (method === 'HEAD' && routeOptions.url === '/')
}

/** A page can send a form without asking, but not JSON: so nothing else is read. */
function readJsonOnly(
  app: FastifyInstance,
  bodyLimit: number,
  known: (request: FastifyRequest, bytes: Uint8Array) => unknown,
): void {
  app.removeAllContentTypeParsers()
  // A callback, and not a promise: every body passes here.
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit },
    (request: FastifyRequest, body: Buffer, done) => {
      let value: unknown
      try {
        checkCharset(request)
        value = known(request, body) ?? parseJsonBody(body)
      } catch (error) {
        done(TurnError.from(error))
        return
      }
      done(null, value)
    },
  )
}

function checkCharset({ headers }: FastifyRequest): void {
  const type = headers['content-type'] ?? ''
  if (type === 'application/json') return
  const charset = /;\s*charset="?([\w-]+)/i.exec(type)?.[1]
  if (charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset)) return
  throw new TurnError(
    'unsupported_media_type',
    `The body must be in UTF-8; its Content-Type says ${charset}.`,
  )
}

type Fail = (
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  records?: RequestRecords,
) => void

/** Every error leaves as the error object of its address; faults go to the log with what the caller is not told. */
function failure({ options, telemetry }: HttpParts): Fail {
  return (thrown, request, reply, records) => {
    const error = namingNul(problem(thrown, options.bodyLimitBytes), request)
    if (records) records.of(request).facts.errorCode = error.code
    if (isFault(error)) telemetry.fault(error.cause ?? error, request.id)
    const { status, body } = errorAnswer(error, request)
    void reply
      .code(status)
      .headers({ ...identityHeaders(request), ...retryHeaders(error) })
      .send(body)
  }
}
