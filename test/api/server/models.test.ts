import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../support/server.ts'
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

describe('GET /v1/models', () => {
  it("lists claude-code and the CLI's own models, each of which can be retrieved", async () => {
    const { data } = await server.client.models.list()
    const ids = data.map(({ id }) => id)
    expect(ids[0]).toBe('claude-code')
    expect(ids).toEqual(expect.arrayContaining(['sonnet', 'opus', 'haiku']))
    expect(ids.filter((id) => /^claude-(opus|sonnet|haiku)-\d/.test(id)).length).toBeGreaterThan(2)
    expect(new Set(ids).size).toBe(ids.length)
    for (const model of data) {
      expect(model).toMatchObject({ object: 'model', created: expect.any(Number) })
      expect(await server.client.models.retrieve(model.id)).toEqual(model)
    }
  })

  it('says which there are when one is not', async () => {
    const error = await failure(server.client.models.retrieve('no-such'))
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    expect(error.message).toMatch(/"no-such".*claude-code.*sonnet/)
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
