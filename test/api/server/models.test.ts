import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { failure as anthropicFailure } from '../../anthropic/client.ts'
import { ask, failure } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    DEFAULT_MODEL: 'opus',
    SMALL_MODEL: 'haiku',
    MODEL_ALIASES: 'gpt-4.1=sonnet,house=claude-haiku-5-5',
  })
})
afterAll(() => server.close())

/** The model that the API was asked for. */
function asked(): string {
  return server.anthropic.requests.at(-1)?.body.model ?? ''
}

function postShow(body: object): Promise<Response> {
  return fetch(`${server.url}/api/show`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function show(body: object): Promise<{ model_info: Record<string, unknown> }> {
  return (await (await postShow(body)).json()) as { model_info: Record<string, unknown> }
}

function anthropic(): Anthropic {
  return new Anthropic({ baseURL: server.url, apiKey: 'unused', maxRetries: 0 })
}

async function idsOf(list: AsyncIterable<{ id: string }>): Promise<string[]> {
  const found: string[] = []
  for await (const { id } of list) found.push(id)
  return found
}

describe('GET /v1/models', () => {
  it("lists claude-code and the CLI's own models, each of which can be retrieved", async () => {
    const { data } = await server.client.models.list()
    const ids = data.map(({ id }) => id)
    expect(ids[0]).toBe('claude-code')
    expect(ids.slice(1, 3)).toEqual(['gpt-4.1', 'house'])
    expect(ids).toEqual(expect.arrayContaining(['sonnet', 'opus', 'haiku']))
    expect(ids.filter((id) => /^claude-(opus|sonnet|haiku)-\d/.test(id)).length).toBeGreaterThan(2)
    expect(new Set(ids).size).toBe(ids.length)
    for (const model of data) {
      expect(model).toMatchObject({ object: 'model', created: expect.any(Number) })
      expect(await server.client.models.retrieve(model.id)).toEqual(model)
    }
  })

  it('tells what each can, and how large it is once Claude Code has told', async () => {
    expect(await server.client.models.retrieve('sonnet')).toMatchObject({
      name: 'Sonnet',
      architecture: { input_modalities: ['text', 'image', 'file'] },
      capabilities: { vision: true, function_calling: true },
    })
    await ask(server.client, { model: 'opus' })
    await ask(server.client, { model: 'house' })
    const size = {
      context_length: expect.any(Number),
      context_window: expect.any(Number),
      max_output_tokens: expect.any(Number),
    }
    const ids = ['opus', 'claude-code', 'house', asked()]
    for (const id of ids) expect(await server.client.models.retrieve(id)).toMatchObject(size)
    const { model_info: info } = await show({ model: 'opus' })
    expect(info['claude.context_length']).toBeGreaterThan(100_000)
  })

  it('says which there are when one is not', async () => {
    const error = await failure(server.client.models.retrieve('no-such'))
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    expect(error.message).toMatch(/"no-such".*claude-code.*sonnet/)
  })
})

describe('GET /v1/models of Anthropic’s client', () => {
  it('has the same models in its shape, page by page in both directions', async () => {
    const { models } = anthropic()
    const all = (await server.client.models.list()).data.map(({ id }) => id)
    const { data, has_more, first_id, last_id } = await models.list({ limit: 3 })
    expect({ has_more, first_id, last_id }).toEqual({
      has_more: true,
      first_id: 'claude-code',
      last_id: 'house',
    })
    expect(data.map(({ id }) => id)).toEqual(all.slice(0, 3))
    for await (const model of models.list({ limit: 1_000 })) {
      expect(model).toMatchObject({ type: 'model', lifecycle: 'active', capabilities: null })
      expect(model.display_name).not.toBe('')
      expect(new Date(model.created_at).toISOString()).toBe(model.created_at)
      expect(await models.retrieve(model.id)).toEqual(model)
    }
    expect(await idsOf(models.list({ limit: 3 }))).toEqual(all)
    const last = all.at(-1) ?? ''
    expect(await idsOf(models.list({ limit: 2, before_id: last }))).toHaveLength(all.length - 1)
    const before = await models.list({ limit: 2, before_id: last })
    expect(before.data.map(({ id }) => id)).toEqual(all.slice(-3, -1))
    expect(await idsOf(models.list({ lifecycle: ['retired'] }))).toEqual([])
    expect(await idsOf(models.list({ lifecycle: ['active', 'retired'] }))).toEqual(all)
  })

  it('refuses in its shape what is not there', async () => {
    const { models } = anthropic()
    const missing = await anthropicFailure(models.retrieve('no-such'))
    expect(missing).toMatchObject({ status: 404, type: 'not_found_error' })
    expect(missing.requestID).toMatch(/^req_/)
    const wrong: [Anthropic.ModelListParams, string][] = [
      [{ limit: 0 }, 'limit'],
      [{ after_id: 'no-such' }, 'after_id'],
      [{ after_id: 'opus', before_id: 'opus' }, 'before_id'],
    ]
    for (const [query, param] of wrong) {
      const { status, error } = await anthropicFailure(models.list(query))
      expect({ status, error }).toMatchObject({ status: 400, error: { error: { param } } })
    }
  })
})

describe('what Ollama lists', () => {
  it('names the models that there are', async () => {
    const { data } = await server.client.models.list()
    const { models } = (await (await fetch(`${server.url}/api/tags`)).json()) as {
      models: { name: string; digest: string; details: object }[]
    }
    expect(models.map(({ name }) => name)).toEqual(data.map(({ id }) => id))
    expect(models[0]).toMatchObject({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      details: { family: 'claude' },
    })
    const version = (await (await fetch(`${server.url}/api/version`)).json()) as { version: string }
    expect(version.version).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it('shows one by its name, with the tag that Ollama adds', async () => {
    for (const body of [{ model: 'sonnet' }, { name: 'sonnet:latest' }]) {
      expect(await show(body)).toMatchObject({
        capabilities: ['completion', 'tools', 'vision'],
        model_info: { 'general.architecture': 'claude', 'general.basename': 'Sonnet' },
      })
    }
    expect((await postShow({ model: 'no-such' })).status).toBe(404)
    expect((await postShow({})).status).toBe(400)
  })

  it('is all that there is of it: chat is refused with the way to go', async () => {
    const answer = await fetch(`${server.url}/api/chat`, { method: 'POST' })
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({
      error: { code: 'unknown_url', message: expect.stringContaining('POST /v1/chat/completions') },
    })
  })
})

describe('the model of a request', () => {
  it.each([
    [undefined, /opus/, null],
    ['claude-code', /opus/, null],
    ['sonnet', /sonnet/, null],
    ['claude-haiku-5-5', /^claude-haiku-5-5$/, null],
    ['gpt-4o', /opus/, 'gpt-4o -> opus'],
    ['gpt-4o-mini', /haiku/, 'gpt-4o-mini -> haiku'],
    ['claude-3-sonnet-20240229', /sonnet-[5-9]/, 'claude-3-sonnet-20240229 -> sonnet'],
    ['gpt-4.1', /sonnet/, 'gpt-4.1 -> sonnet'],
    ['house', /^claude-haiku-5-5$/, 'house -> claude-haiku-5-5'],
  ])('%s is asked as %s, disclosed as %s', async (model, expected, header) => {
    const { answer, headers } = await ask(server.client, { model })
    expect(asked()).toMatch(expected)
    expect(answer.model).toBe(asked())
    expect(headers.get('x-model-mapped')).toBe(header)
  })

  it('gives way to claude_options.model', async () => {
    const { headers } = await ask(server.client, {
      model: 'no-such',
      claude_options: { model: 'haiku' },
    })
    expect(asked()).toMatch(/haiku/)
    expect(headers.get('x-model-mapped')).toBe(null)
  })

  it.each(['llama-3', 'claude', 'gpt', '../opus', '--model'])(
    '%s is unknown: a 404 that lists what there is, and the model is not asked',
    async (model) => {
      const before = server.anthropic.requests.length
      const error = await failure(ask(server.client, { model }))
      expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
      expect(error.message).toContain(JSON.stringify(model))
      expect(error.message).toMatch(/claude-code, .*sonnet.*house/)
      expect(server.anthropic.requests.length).toBe(before)
    },
  )
})
