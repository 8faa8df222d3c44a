import { existsSync, readFileSync } from 'node:fs'
import type { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parameters } from '../../src/dialects/openai-chat/parameters.ts'
import { requestSchema } from '../../src/dialects/openai-chat/request.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { TurnError } from '../../src/turn/error.ts'
import type { TurnEvent } from '../../src/turn/event.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/claude.ts'
import { claude, hello, says, serve, type TestServer, usage } from './server.ts'

/** OpenAI's OpenAPI document, which lies beside the checkout while the project is built; it is not part of the project. */
const document = new URL('../../../shared/spec/openai-openapi.json', import.meta.url)

type Json = Record<string, unknown>

function complete(server: TestServer, body: object): Promise<Response> {
  return server.fetch('/v1/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: ['One', 'Two'], echo: true, ...body }),
  })
}

async function* answer(): AsyncGenerator<TurnEvent> {
  yield { type: 'start', id: 'a', provider: 'claude', model: 'm' }
  yield { type: 'reasoning-start', block: 0 }
  yield { type: 'reasoning-delta', block: 0, text: 'hm' }
  yield { type: 'reasoning-end', block: 0 }
  yield { type: 'activity', activity: { type: 'tool-use', id: 't', name: 'Read', input: {} } }
  yield { type: 'text-start', block: 1 }
  yield { type: 'text-delta', block: 1, text: 'Hello' }
  yield { type: 'text-end', block: 1 }
  yield { type: 'finish', reason: 'length', model: 'm', usage, claude }
}

describe.skipIf(!existsSync(document))("OpenAI's own schemas", () => {
  let server: TestServer
  let store: Store
  let folder: TemporaryFolder
  let ajv: Ajv2020
  let schemas: Record<string, { allOf?: Json[]; properties?: Json }>

  beforeAll(async () => {
    const { Ajv2020: Ajv } = await import('ajv/dist/2020.js')
    const text = readFileSync(document, 'utf8')
    const whole = loosen(JSON.parse(text) as Json) as { components: { schemas: typeof schemas } }
    schemas = whole.components.schemas
    ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
    ajv.addSchema({ ...whole, $id: 'openai' })
    folder = await temporaryFolder()
    store = await openStore({ dataDir: folder.path })
    const stored = { completions: async () => store.completions, isThere: () => true }
    server = await serve(answer, { stored })
  })
  afterAll(async () => {
    await server.close()
    await store.close()
    await folder[Symbol.asyncDispose]()
  })

  function problems(name: string, value: unknown): unknown[] {
    const validate = ajv.getSchema(`openai#/components/schemas/${name}`)
    if (!validate) throw new Error(`no schema ${name}`)
    return validate(value) ? [] : (validate.errors ?? [])
  }

  it('find the mistakes that they should find', () => {
    expect(problems('CreateChatCompletionResponse', { id: 'a', choices: [{}] })).not.toEqual([])
    expect(
      problems('CreateChatCompletionStreamResponse', { id: 'a', choices: [{ index: 0 }] }),
    ).not.toEqual([])
    expect(problems('ErrorResponse', { error: { message: 'x' } })).not.toEqual([])
  })

  it('accept a plain answer, with one choice and with two', async () => {
    for (const n of [1, 2]) {
      const answer = await (await server.post({ messages: hello, n })).json()
      expect(problems('CreateChatCompletionResponse', answer)).toEqual([])
    }
  })

  it('accept every chunk of a stream', async () => {
    const body = { messages: hello, n: 2, stream: true, stream_options: { include_usage: true } }
    const text = await (await server.post(body)).text()
    const chunks = text.split('\n\n').filter((line) => line.startsWith('data: {'))
    expect(chunks.length).toBe(11)
    for (const chunk of chunks) {
      expect(problems('CreateChatCompletionStreamResponse', JSON.parse(chunk.slice(6)))).toEqual([])
    }
  })

  it('accept text completions, whole and streamed', async () => {
    expect(problems('CreateCompletionResponse', await (await complete(server, {})).json())).toEqual(
      [],
    )
    const options = { stream: true, stream_options: { include_usage: true } }
    const text = await (await complete(server, options)).text()
    const chunks = text.split('\n\n').filter((line) => line.startsWith('data: {'))
    expect(chunks.length).toBe(5)
    const wrong = chunks.flatMap((chunk) =>
      problems('CreateCompletionResponse', JSON.parse(chunk.slice(6))),
    )
    // The document has one schema for both, in which what goes on is no reason to end and usage is never null.
    const known = /\/(finish_reason|usage)$/
    const others = wrong.filter(
      (problem) => !known.test(String((problem as { instancePath: unknown }).instancePath)),
    )
    expect(others).toEqual([])
  })

  it('accept stored completions, their lists and messages', async () => {
    const parts = [{ type: 'text', text: 'Hi' }]
    const messages = [...hello, { role: 'user', content: parts }]
    const body = { messages, store: true, metadata: { a: 'b' }, tools: [] }
    const given = (await (await server.post(body)).json()) as { id: string }
    const path = `/v1/chat/completions/${given.id}`
    const read = async (url: string): Promise<unknown> => (await server.fetch(url)).json()
    expect(problems('CreateChatCompletionResponse', await read(path))).toEqual([])
    const list = await read('/v1/chat/completions?metadata[a]=b')
    expect(list).toMatchObject({ data: [{ id: given.id }], has_more: false })
    expect(problems('ChatCompletionList', list)).toEqual([])
    const said = await read(`${path}/messages`)
    expect(said).toMatchObject({
      data: [
        { content: 'Hello', content_parts: null },
        { content: 'Hi', content_parts: parts },
      ],
    })
    const page = said as { data: object[] }
    // The document knows no other messages than answers.
    const data = page.data.map((message) => ({ ...message, role: 'assistant', refusal: null }))
    expect(problems('ChatCompletionMessageList', { ...page, data })).toEqual([])
  })

  it('accept models and errors', async () => {
    expect(problems('ListModelsResponse', await (await server.fetch('/v1/models')).json())).toEqual(
      [],
    )
    expect(problems('Model', await (await server.fetch('/v1/models/claude-code')).json())).toEqual(
      [],
    )
    expect(problems('ErrorResponse', await (await server.post({})).json())).toEqual([])
    await using failing = await serve(async function* () {
      yield* says('x')
      throw new TurnError('overloaded', 'Busy.')
    })
    expect(
      problems('ErrorResponse', await (await failing.post({ messages: hello })).json()),
    ).toEqual([])
  })

  it('have no request parameter that the table of parameters lacks', () => {
    const known = propertiesOf('CreateChatCompletionRequest')
    expect(known.length).toBeGreaterThan(30)
    expect(known.filter((name) => !(name in parameters))).toEqual([])
    expect(Object.keys(parameters).filter((name) => !known.includes(name))).toEqual([
      'claude_options',
    ])
  })

  function propertiesOf(name: string): string[] {
    const { allOf = [], properties = {} } = schemas[name] ?? {}
    const inherited = allOf.flatMap((part) =>
      typeof part.$ref === 'string'
        ? propertiesOf(part.$ref.split('/').at(-1) ?? '')
        : Object.keys((part.properties ?? {}) as Json),
    )
    return [...new Set([...inherited, ...Object.keys(properties)])]
  }
})

describe('the table of parameters', () => {
  it('knows what the schema checks, and the other way round', () => {
    expect(Object.keys(requestSchema.shape).sort()).toEqual(Object.keys(parameters).sort())
  })
})

/** Mends what a validator trips over: leftovers of OpenAPI 3.0's `nullable`, discriminators, and recursive references. */
function loosen(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(loosen)
  if (typeof value !== 'object' || value === null) return value
  const {
    nullable,
    discriminator: _discriminator,
    $recursiveRef: _recursive,
    ...rest
  } = value as Json
  const inner = Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, loosen(item)]))
  return nullable === true ? { anyOf: [inner, { type: 'null' }] } : inner
}
