import OpenAI, { AzureOpenAI, toFile } from 'openai'
import { zodFunction } from 'openai/helpers/zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { callsTools, says } from '../../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask, askStream, failure, hello, readAll } from './support.ts'

const apiKey = 'key-of-the-clients'
const apiVersion = '2024-10-21'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ API_KEY: apiKey })
})
afterAll(() => server.close())

/** The ways in which Azure's client is pointed at a server. */
const ways: Record<string, () => AzureOpenAI> = {
  'endpoint and deployment': () => azure({ endpoint: server.url, deployment: 'sonnet' }),
  endpoint: () => azure({ endpoint: server.url }),
  'an endpoint that ends in /v1': () => azure({ endpoint: server.baseURL, deployment: 'sonnet' }),
  baseURL: () => azure({ baseURL: server.baseURL }),
  'a baseURL that ends in /openai': () => azure({ baseURL: `${server.url}/openai` }),
  'a token of Entra': () =>
    new AzureOpenAI({
      endpoint: server.url,
      apiVersion,
      azureADTokenProvider: () => Promise.resolve(apiKey),
      maxRetries: 0,
    }),
}

function azure(where: { endpoint?: string; baseURL?: string; deployment?: string }): AzureOpenAI {
  return new AzureOpenAI({ ...where, apiKey, apiVersion, maxRetries: 0 })
}

describe.each(Object.keys(ways))('AzureOpenAI with %s', (way) => {
  const client = (): AzureOpenAI => ways[way]?.() ?? expect.fail()

  it('is answered', async () => {
    server.anthropic.enqueue(says('Good day.'))
    const { text, answer, headers } = await ask(client())
    expect(text).toBe('Good day.')
    expect(answer.model).toContain('sonnet')
    expect(headers.get('x-notice')).toBeNull()
  })

  it('is answered as a stream', async () => {
    server.anthropic.enqueue(says('Good day.'))
    const { chunks } = await askStream(client(), { stream_options: { include_usage: true } })
    const read = await readAll(chunks)
    expect(read).toMatchObject({ text: 'Good day.', error: undefined })
    expect(read.chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0)
  })

  it('lists the models, and has its files', async () => {
    const { data } = await client().models.list()
    expect(data[0]?.id).toBe('claude-code')
    const file = await toFile(Buffer.from('{}'), 'lines.jsonl')
    const { id } = await client().files.create({ file, purpose: 'user_data' })
    expect(await (await client().files.content(id)).text()).toBe('{}')
    const { data: files } = await client().files.list({ limit: 1 })
    expect(files.map((one) => one.id)).toEqual([id])
    expect(await client().files.delete(id)).toMatchObject({ id, deleted: true })
    expect((await client().batches.list()).data).toEqual([])
  })
})

describe('a deployment', () => {
  it('has its functions called and gets their results', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
      says('Sun.'),
    )
    const asked: string[] = []
    const weather = zodFunction({
      name: 'get_weather',
      parameters: z.object({ city: z.string() }),
      function: ({ city }) => {
        asked.push(city)
        return 'sun'
      },
    })
    const runner = azure({ endpoint: server.url, deployment: 'sonnet' }).chat.completions.runTools({
      model: 'sonnet',
      stream: true,
      messages: [{ role: 'user', content: 'Where is the sun?' }],
      tools: [weather],
    })
    expect(await runner.finalContent()).toBe('Sun.')
    expect(asked).toEqual(['Rome'])
  })

  it('is the model, and wins over the one in the body', async () => {
    const path = 'openai/deployments/opus/chat/completions?api-version=2024-10-21'
    const send = (body: object): Promise<Response> =>
      fetch(`${server.url}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'api-key': apiKey },
        body: JSON.stringify({ messages: hello, ...body }),
      })
    const without = await send({})
    expect(without.headers.get('x-notice')).toBeNull()
    expect(await without.json()).toMatchObject({ model: expect.stringContaining('opus') })
    const other = await send({ model: 'haiku' })
    expect(other.headers.get('x-notice')).toBe(
      'the deployment in the path is the model; "haiku" in the body is ignored',
    )
    expect(await other.json()).toMatchObject({ model: expect.stringContaining('opus') })
  })

  it('that is no model is a 404', async () => {
    const client = azure({ endpoint: server.url, deployment: 'nothing-like-it' })
    const error = await failure(ask(client))
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error.code).toBe('model_not_found')
  })
})

describe('other paths of Azure’s', () => {
  it('serve the plain client at /openai/v1', async () => {
    server.anthropic.enqueue(says('Good day.'))
    const client = new OpenAI({ baseURL: `${server.url}/openai/v1`, apiKey, maxRetries: 0 })
    expect((await ask(client)).text).toBe('Good day.')
    expect((await client.models.retrieve('sonnet')).id).toBe('sonnet')
  })

  it('have responses, without a deployment', async () => {
    server.anthropic.enqueue(says('Good day.'))
    const { output_text: text, id } = await azure({ endpoint: server.url }).responses.create({
      model: 'sonnet',
      input: 'Hello',
    })
    expect(text).toBe('Good day.')
    expect((await azure({ endpoint: server.url }).responses.retrieve(id)).id).toBe(id)
  })

  it('need the key, and are a 404 by their own name where there is nothing', async () => {
    const url = `${server.url}/openai/deployments/sonnet/extensions/chat/completions`
    expect((await fetch(url, { method: 'POST' })).status).toBe(401)
    const answer = await fetch(url, { method: 'POST', headers: { 'api-key': apiKey } })
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'unknown_url',
        message: expect.stringContaining('/openai/deployments/sonnet/extensions'),
      },
    })
  })
})
