import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { firstProblem } from '../../dialects/openai-chat/problem.ts'
import type { HttpParts, ModelEntry } from '../parts.ts'
import { entryOf } from './models.ts'

/** The paths and their methods. */
export const ollamaPaths = {
  '/api/version': 'GET',
  '/api/tags': 'GET',
  '/api/ps': 'GET',
  '/api/show': 'POST',
} as const

/** The Ollama whose lists these are: tools ask for at least this one before they go on to `/v1`. */
const version = '0.6.4'

const showRequest = z
  .looseObject({ model: z.string().optional(), name: z.string().optional() })
  .transform(({ model, name }) => model ?? name)
  .pipe(z.string({ error: 'an object with `model`, the name of one' }))

/**
 * The lists that tools for Ollama look at when they start: what models there are, and what each can. Chat in Ollama's words is not
 * served: these tools chat by `/v1/chat/completions` where they can.
 */
export function mountOllama(app: FastifyInstance, { models }: Pick<HttpParts, 'models'>): void {
  app.get('/api/version', async () => ({ version }))
  app.get('/api/tags', async () => ({ models: (await models.list()).map(listed) }))
  // What Ollama has in memory; tools that look whether it is there ask for this too.
  app.get('/api/ps', async () => ({ models: [] }))
  app.post('/api/show', async (request, reply) => {
    const { data, error } = showRequest.safeParse(request.body ?? {})
    if (error) throw firstProblem(error, request.body)
    // Where no tag is given, Ollama means `latest`.
    return reply.send(shown(entryOf(await models.list(), data.replace(/:latest$/, ''))))
  })
}

function listed(entry: ModelEntry) {
  return {
    name: entry.id,
    model: entry.id,
    modified_at: modifiedAt(entry),
    // It is nowhere on this machine.
    size: 0,
    digest: createHash('sha256').update(entry.id).digest('hex'),
    details,
  }
}

function shown(entry: ModelEntry) {
  return {
    modelfile: '',
    parameters: '',
    template,
    details,
    model_info: {
      'general.architecture': 'claude',
      'general.basename': entry.display_name ?? entry.id,
      ...(entry.size && { 'claude.context_length': entry.size.contextTokens }),
    },
    capabilities: ['completion', 'tools', 'vision'],
    modified_at: modifiedAt(entry),
  }
}

const details = {
  parent_model: '',
  format: '',
  family: 'claude',
  families: ['claude'],
  parameter_size: '',
  quantization_level: '',
}

/** Tools read from a template whether a model knows tools (`.Tools`) and fills in between two texts (`.Suffix`). */
const template = '{{ .System }}{{ .Tools }}{{ .Messages }}'

function modifiedAt({ created }: ModelEntry): string {
  return new Date(created * 1000).toISOString()
}
