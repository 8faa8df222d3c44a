import type { FastifyInstance } from 'fastify'
import { TurnError } from '../../turn/error.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** 405 for the methods that a known path does not have, before the body is read. */
export function refuseOtherMethods(
  app: FastifyInstance,
  paths: Readonly<Record<string, 'GET' | 'POST'>>,
): void {
  for (const [path, allowed] of Object.entries(paths)) {
    // HEAD comes along with GET.
    const others = [...methods, ...(allowed === 'GET' ? [] : ['HEAD'])]
    app.route({
      method: others.filter((method) => method !== allowed),
      url: path,
      onRequest: async (request, reply) => {
        void reply.header('allow', allowed === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS')
        throw new TurnError(
          'method_not_allowed',
          `${path} does not know the method ${request.method}; use ${allowed}.`,
        )
      },
      handler: () => undefined,
    })
  }
}

/** 404 for everything else; with the right path where only `/v1` is missing, a frequent mistake in a client's base URL. */
export function unknownUrl(method: string, url: string, paths: readonly string[]): TurnError {
  const path = url.split('?', 1)[0] ?? ''
  const meant = paths.find((known) => known === `/v1${path.replace(/\/+$/, '')}`)
  const hint =
    meant === undefined ? '' : ` Did you mean ${meant}? The base URL of clients ends in /v1.`
  return new TurnError(
    'unknown_url',
    `Unknown request URL: ${method} ${JSON.stringify(path.slice(0, 200))}.${hint}`,
  )
}
