import type { FastifyInstance } from 'fastify'
import { TurnError } from '../../turn/error.ts'
import type { HttpParts, ModelEntry } from '../parts.ts'

/** GET /v1/models and GET /v1/models/{id}; an id may have slashes and brackets in it. */
export function mountModels(app: FastifyInstance, { models }: Pick<HttpParts, 'models'>): void {
  app.get('/v1/models', async () => list(await models.list()))
  app.get<{ Params: { '*': string } }>('/v1/models/*', (request) =>
    retrieve(models, request.params['*'].replace(/\/$/, '')),
  )
}

async function retrieve(models: HttpParts['models'], id: string): Promise<object> {
  const entries = await models.list()
  return id === '' ? list(entries) : encodeModel(entryOf(entries, id))
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

function list(entries: readonly ModelEntry[]): { object: 'list'; data: object[] } {
  return { object: 'list', data: entries.map(encodeModel) }
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
