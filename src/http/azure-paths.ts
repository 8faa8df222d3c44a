import type { IncomingMessage } from 'node:http'
import type { Notice } from '../turn/event.ts'

/** What a path of Azure's means here. */
export type AzurePath = {
  /** The path of this server, with the query that is left. */
  url: string
  /** The deployment that the path names: the model. */
  deployment?: string
}

/** Endpoints of more than one piece, before which a deployment's name may itself have slashes: clients write it into the path as it is. Azure's `extensions` are not here. */
const deployed =
  /^\/deployments\/(?!.*\/extensions\/)(.+?)(\/(?:chat\/completions|completions|embeddings|responses|moderations|rerank|audio\/\w+|images\/\w+))\/?$/
const plain = /^\/deployments\/([^/]+)(\/.*)$/
/** With `/v1` or without on both sides: clients add `/openai` to whatever base URL they were given. */
const surface = /^(?:\/v1)?(?:\/openai(?:\/v1)?(?=\/|$)|(?=\/deployments\/))(.*)$/

/**
 * Reads a path as Azure OpenAI has it: `/openai/deployments/{deployment}/chat/completions`, `/openai/v1/…`, `/openai/files`, each with
 * `/v1` before it too. `api-version` is taken out of the query: there is one version here. Any other path is itself.
 */
export function readAzurePath(url: string): AzurePath {
  const isAzure =
    url.includes('/openai') || url.includes('/deployments/') || url.includes('api-version=')
  // Nearly every request.
  if (!isAzure) return { url }
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  const query = mark === -1 ? '' : withoutVersion(url.slice(mark + 1))
  const rest = surface.exec(path)?.[1]
  if (rest === undefined) return { url: path + query }
  const [, name, endpoint = ''] = deployed.exec(rest) ?? plain.exec(rest) ?? []
  if (name === undefined) return { url: `/v1${rest}${query}` }
  const deployment = decoded(name)
  return deployment === undefined ? { url } : { url: `/v1${endpoint}${query}`, deployment }
}

function withoutVersion(query: string): string {
  const kept = query.split('&').filter((pair) => !/^api-version(?:=|$)/.test(pair))
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}

function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name)
  } catch {
    return undefined
  }
}

const deployments = new WeakMap<IncomingMessage, string>()

/** The path by which a request is routed, for Fastify's `rewriteUrl`; the deployment that it names is kept with the request. */
export function rewriteUrl(request: IncomingMessage): string {
  const { url, deployment } = readAzurePath(request.url ?? '/')
  if (deployment !== undefined) deployments.set(request, deployment)
  return url
}

/** The deployment that the request's path names. */
export function deploymentOf(request: IncomingMessage): string | undefined {
  return deployments.get(request)
}

/** The body with the deployment as its model, as Azure has it, and what the body itself asked for where that is another one. */
export function withDeployment(
  request: IncomingMessage,
  body: unknown,
): { body: unknown; overruled?: string } {
  const model = deploymentOf(request)
  if (model === undefined || typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { body }
  }
  const own: unknown = Reflect.get(body, 'model')
  if (own === model) return { body }
  return {
    body: { ...body, model },
    ...(typeof own === 'string' && own !== '' && { overruled: own }),
  }
}

/** What is told of the model that the body names. */
export function deploymentWins(overruled: string): Notice {
  const text = `the deployment in the path is the model; ${JSON.stringify(overruled.slice(0, 100))} in the body is ignored`
  return { type: 'remark', text }
}
