import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  // Claude Code tells a model's size with its first answer.
  await ask(server.client, { model: 'sonnet' })
})
afterAll(() => server.close())

type Json = Record<string, unknown>

async function get(path: string): Promise<Json> {
  return (await (await fetch(`${server.url}${path}`)).json()) as Json
}

async function show(body: Json): Promise<Json> {
  const response = await fetch(`${server.url}/api/show`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as Json
}

async function models(): Promise<Json[]> {
  return (await get('/v1/models')).data as Json[]
}

/** What each tool reads of which list when it starts, by its own source. */
describe('the lists that tools look at', () => {
  it('OpenAI’s: each model has the fields that the document requires', async () => {
    for (const model of await models()) {
      expect(model).toMatchObject({
        id: expect.stringMatching(/./),
        object: 'model',
        created: expect.any(Number),
        owned_by: expect.stringMatching(/./),
      })
    }
  })

  it('Cline, Continue and LiteLLM: `id` of /v1/models, each once', async () => {
    const ids = (await models()).map(({ id }) => id)
    expect(ids).toContain('sonnet')
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('Open WebUI: also `name`, and `owned_by` to tell where it is from', async () => {
    for (const model of await models()) {
      expect(model).toMatchObject({ name: expect.any(String), owned_by: 'anthropic' })
    }
  })

  it('LibreChat and others with OpenRouter’s list: `context_length` and what goes in', async () => {
    const sonnet = (await models()).find(({ id }) => id === 'sonnet')
    expect(sonnet).toMatchObject({
      context_length: expect.any(Number),
      max_output_tokens: expect.any(Number),
      architecture: { input_modalities: expect.arrayContaining(['text', 'image']) },
    })
  })

  it('Cline, Continue and LibreChat with Ollama: `name` of /api/tags', async () => {
    const ids = (await models()).map(({ id }) => id)
    const { models: tags } = (await get('/api/tags')) as { models: Json[] }
    expect(tags.map(({ name }) => name)).toEqual(ids)
  })

  it('Open WebUI with Ollama: /api/version, all of /api/tags, and /api/ps', async () => {
    expect(await get('/api/version')).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    })
    const { models: tags } = (await get('/api/tags')) as { models: Json[] }
    expect(tags.length).toBeGreaterThan(3)
    for (const tag of tags) {
      expect(tag).toEqual({
        name: expect.any(String),
        model: tag.name,
        modified_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        size: expect.any(Number),
        digest: expect.stringMatching(/^[\da-f]{64}$/),
        details: {
          parent_model: '',
          format: expect.any(String),
          family: 'claude',
          families: ['claude'],
          parameter_size: expect.any(String),
          quantization_level: expect.any(String),
        },
      })
    }
    expect(await get('/api/ps')).toEqual({ models: [] })
  })

  it('Continue with Ollama: /api/show by `name`, its parameters and template', async () => {
    const shown = await show({ name: 'sonnet' })
    expect(shown.parameters).toBe('')
    // It takes a model with this word for one that completes between two texts.
    expect(String(shown.template)).not.toContain('.Suffix')
  })

  it('LiteLLM with Ollama: the size, and in the template whether there are tools', async () => {
    const { template, model_info: info } = await show({ name: 'sonnet' })
    expect(String(template).toLowerCase()).toContain('tools')
    const sizes = Object.entries(info as Json).filter(([field]) => field.includes('context_length'))
    expect(sizes).toEqual([['claude.context_length', expect.any(Number)]])
    expect(Number(sizes[0]?.[1])).toBeGreaterThan(100_000)
  })

  it('VS Code with Ollama: what each can', async () => {
    const { capabilities } = await show({ model: 'sonnet' })
    expect(capabilities).toEqual(expect.arrayContaining(['completion', 'tools', 'vision']))
  })
})
