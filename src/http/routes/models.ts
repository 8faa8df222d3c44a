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
  if (id === '') return list(entries)
  const entry = entries.find((model) => model.id === id)
  if (entry) return encodeModel(entry)
  throw new TurnError(
    'model_not_found',
    `The model ${JSON.stringify(id.slice(0, 100))} is not listed here. There is: ${entries.map((model) => model.id).join(', ')}.`,
    { param: 'model' },
  )
}

function list(entries: readonly ModelEntry[]): { object: 'list'; data: object[] } {
  return { object: 'list', data: entries.map(encodeModel) }
}

function encodeModel(entry: ModelEntry): ModelEntry & { object: 'model' } {
  return { ...entry, object: 'model' }
}
