import type { FastifyInstance } from 'fastify'
import { TurnError } from '../../turn/error.ts'
import { isAnthropicPath } from '../error-shape.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** 405 for the methods that a known path does not have, before the body is read. */
export function refuseOtherMethods(
  app: FastifyInstance,
  paths: Readonly<Record<string, string>>,
): void {
  for (const [path, allowed] of Object.entries(paths)) {
    const known = allowed.split(', ')
    // HEAD comes along with GET.
    const all = known.includes('GET') ? known.toSpliced(1, 0, 'HEAD') : known
    app.route({
      method: [...methods, 'HEAD'].filter((method) => !all.includes(method)),
      url: path,
      onRequest: async (request, reply) => {
        void reply.header('allow', [...all, 'OPTIONS'].join(', '))
        throw new TurnError(
          'method_not_allowed',
          `${path} does not know the method ${request.method}; use ${allowed}.`,
        )
      },
      handler: () => undefined,
    })
  }
}

/** 404 for everything else; with the right path where only `/v1` is missing or doubled, a frequent mistake in a client's base URL. */
export function unknownUrl(method: string, url: string, paths: readonly string[]): TurnError {
  const path = url.split('?', 1)[0] ?? ''
  const bare = path.replace(/\/+$/, '').replace(/^(?:\/v1)+\//, '/')
  const meant = paths.find((known) => known === `/v1${bare}` && known !== path)
  const hint =
    meant === undefined ? otherApi(path) : ` Did you mean ${meant}? ${baseUrlHint(meant)}`
  return new TurnError(
    'unknown_url',
    `Unknown request URL: ${method} ${JSON.stringify(path.slice(0, 200))}.${hint}`,
  )
}

/** Ollama's clients find the models here and nothing else. */
function otherApi(path: string): string {
  return path.startsWith('/api/')
    ? " Of Ollama's API there are only the lists (/api/tags, /api/show, /api/ps, /api/version). Chat is POST /v1/chat/completions: add this server as an OpenAI-compatible API, with a base URL that ends in /v1."
    : ''
}

function baseUrlHint(meant: string): string {
  return isAnthropicPath(meant)
    ? "The base URL of Anthropic's clients ends without /v1."
    : 'The base URL of clients ends in /v1.'
}
