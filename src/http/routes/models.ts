import type { FastifyInstance, FastifyRequest } from 'fastify'
import {
  encodeModel as encodeInfo,
  encodeModelPage,
} from '../../dialects/anthropic-messages/model-list.ts'
import { TurnError } from '../../turn/error.ts'
import { speaksAnthropic } from '../error-shape.ts'
import type { HttpParts, ModelEntry } from '../parts.ts'

/** GET /v1/models and GET /v1/models/{id}, as OpenAI or as Anthropic has them; an id may have slashes and brackets in it. */
export function mountModels(app: FastifyInstance, { models }: Pick<HttpParts, 'models'>): void {
  app.get('/v1/models', (request) => list(models, request))
  app.get<{ Params: { '*': string } }>('/v1/models/*', (request) => {
    const id = request.params['*'].replace(/\/$/, '')
    return id === '' ? list(models, request) : retrieve(models, id, request)
  })
}

type Models = HttpParts['models']

async function list(models: Models, request: FastifyRequest): Promise<object> {
  const entries = await models.list()
  if (speaksAnthropic(request)) return encodeModelPage(entries, request.query)
  return { object: 'list', data: entries.map(encodeModel) }
}

async function retrieve(models: Models, id: string, request: FastifyRequest): Promise<object> {
  const entry = entryOf(await models.list(), id)
  return speaksAnthropic(request) ? encodeInfo(entry) : encodeModel(entry)
}

/** Throws `model_not_found`, with the names that there are. */
export function entryOf(entries: readonly ModelEntry[], id: string): ModelEntry {
  const entry = entries.find((model) => model.id === id)
  if (entry) return entry
  throw new TurnError(
    'model_not_found',
    `The model ${JSON.stringify(id.slice(0, 100))} is not listed here. There is: ${entries.map((model) => model.id).join(', ')}.`,
    { param: 'model' },
  )
}

/** What every model here takes and can, in the words of OpenRouter and of Mistral. */
const abilities = {
  architecture: { input_modalities: ['text', 'image', 'file'], output_modalities: ['text'] },
  capabilities: {
    completion_chat: true,
    function_calling: true,
    structured_output: true,
    vision: true,
  },
}

/** OpenAI's fields, and those that other servers' lists have and that tools read where they are there. */
function encodeModel({ size, ...entry }: ModelEntry): object {
  return {
    ...entry,
    object: 'model',
    name: entry.display_name ?? entry.id,
    ...(size && {
      context_length: size.contextTokens,
      context_window: size.contextTokens,
      max_output_tokens: size.outputTokens,
    }),
    ...abilities,
  }
}
