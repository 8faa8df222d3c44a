import { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { routes } from '../../src/http/app.ts'
import { passedPaths } from '../../src/http/routes/passthrough.ts'
import { begin, ended, linesOf, asking } from '../batches/support.ts'
import { callsTools, says, streamError } from '../scripted-anthropic/server.ts'
import { hasOpenAIDocument, openAIDocument } from '../support/openai-document.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { problemsOfChat } from './chat-answer.ts'
import { type CheckedClient, checkedClient } from './checked-client.ts'
import { problemsOfError } from './frames.ts'

let server: TestServer
let checked: CheckedClient
beforeAll(async () => {
  // Conversations and stored answers are the key's that made them.
  server = await startTestServer({ API_KEY: 'key-of-ann' })
  checked = checkedClient(server.baseURL, 'key-of-ann')
})
afterAll(() => server.close())

const messages = [{ role: 'user' as const, content: 'Hello' }]
const model = 'sonnet'
const weather = {
  type: 'function' as const,
  function: { name: 'get_weather', parameters: { type: 'object', properties: {} } },
}

/** Asks for what must fail. */
async function fail(promise: PromiseLike<unknown>): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code: expect.any(String) })
}

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

describe('every endpoint, with the official client', { timeout: 90_000 }, () => {
  it('chat completions, and those that are stored', async () => {
    const { chat } = checked.client
    const stream_options = { include_usage: true }
    await chat.completions.create({ model, messages, n: 2 })
    await readAll(await chat.completions.create({ model, messages, stream: true, stream_options }))
    server.anthropic.enqueue(callsTools([{ id: 'toolu_1', name: 'get_weather', input: {} }]))
    await readAll(
      await chat.completions.create({ model, messages, stream: true, tools: [weather] }),
    )
    server.anthropic.enqueue(streamError('Hello the', 'overloaded_error', 'Overloaded'))
    await fail(
      chat.completions.create({ model, messages, stream: true, stream_options }).then(readAll),
    )
    await fail(chat.completions.create({ model, messages: [] }))
    const inParts = { role: 'user' as const, content: [{ type: 'text' as const, text: 'Hi' }] }
    const { id } = await chat.completions.create({
      model,
      messages: [...messages, inParts],
      store: true,
    })
    await chat.completions.list()
    await chat.completions.list({ metadata: { none: 'such' } })
    await chat.completions.retrieve(id)
    await chat.completions.messages.list(id)
    await chat.completions.update(id, { metadata: { a: 'b' } })
    await chat.completions.delete(id)
    await fail(chat.completions.retrieve(id))
  })

  it('completions', async () => {
    const { completions } = checked.client
    await completions.create({ model, prompt: ['One', 'Two'], echo: true })
    await readAll(await completions.create({ model, prompt: 'Once', stream: true }))
    server.anthropic.enqueue(streamError('Hello the', 'overloaded_error', 'Overloaded'))
    await fail(completions.create({ model, prompt: 'Once', stream: true }).then(readAll))
    await fail(completions.create({ model, prompt: 'Once', suffix: 'end' }))
  })

  it('responses and conversations', async () => {
    const { conversations, responses } = checked.client
    const { id } = await conversations.create({
      items: [{ type: 'message', role: 'user', content: 'Zero.' }],
    })
    await conversations.retrieve(id)
    await conversations.update(id, { metadata: { a: 'b' } })
    const { id: told } = await responses.create({ model, input: 'One?', conversation: id })
    await readAll(await responses.create({ model, input: 'Two?', stream: true }))
    server.anthropic.enqueue(streamError('Hello the', 'overloaded_error', 'Overloaded'))
    await fail(responses.create({ model, input: 'Two?', stream: true }).then(readAll))
    await fail(responses.create({ model, input: [], stream: true }).then(readAll))
    await responses.retrieve(told)
    await responses.inputItems.list(told)
    await responses.inputTokens.count({ model, input: 'One?' })
    server.anthropic.enqueue(says('A summary.'))
    await responses.compact({ model: 'claude-sonnet-5-5', input: 'One?' })
    const later = await responses.create({ model, input: 'Later?', background: true })
    await responses.cancel(later.id)
    await responses.delete(told)
    const { data } = await conversations.items.create(id, {
      items: [{ type: 'message', role: 'user', content: 'Last.' }],
    })
    const item = data[0]?.id ?? expect.fail()
    await conversations.items.list(id)
    await conversations.items.retrieve(item, { conversation_id: id })
    await conversations.items.delete(item, { conversation_id: id })
    await conversations.delete(id)
    await fail(conversations.retrieve(id))
  })

  it('files and batches', async () => {
    const { client } = checked
    await client.files.list()
    await client.batches.list()
    const upload = await toFile(Buffer.from('Hello.'), 'hello.txt')
    const file = await client.files.create({ file: upload, purpose: 'user_data' })
    await client.files.retrieve(file.id)
    await client.files.content(file.id)
    await client.files.list()
    await client.files.delete(file.id)
    await fail(client.files.retrieve(file.id))
    const lines = [asking('right'), asking('wrong', 'x', { temperature: 'hot' })]
    const batch = await ended(client, (await begin(client, lines)).id)
    const answered = await linesOf(client, batch.output_file_id)
    const failed = await linesOf(client, batch.error_file_id)
    expect([lineKeys(answered), lineKeys(failed)]).toEqual([lineFields, lineFields])
    expect(answered.flatMap(({ response }) => problemsOfChat(response?.body))).toEqual([])
    expect(failed.flatMap(({ response }) => problemsOfError(response?.body))).toEqual([])
    const invalid = await ended(client, (await begin(client, 'no JSON')).id)
    expect(invalid.status).toBe('failed')
    await client.batches.cancel((await begin(client, lines)).id)
    await client.batches.list({ limit: 2 })
    await fail(client.batches.retrieve('batch_none'))
  })

  it('models, and an address that is none', async () => {
    const { client } = checked
    await client.models.list()
    await client.models.retrieve('claude-code')
    await fail(client.models.retrieve('no-such'))
    await fail(client.get('/no/such'))
  })

  it('answered by the rules, and by the document of OpenAI where it is there', async () => {
    expect(await checked.problems()).toEqual([])
  })

  it.runIf(hasOpenAIDocument)('is one of those that were asked here', () => {
    const served = servedOperations()
    expect(served.length).toBeGreaterThan(30)
    expect(served.filter((operation) => !checked.asked.has(operation))).toEqual([])
  })
})

/** A line of a batch is not in the document; OpenAI's guide has these fields. */
const lineFields = ['custom_id', 'error', 'id', 'response']

function lineKeys(lines: readonly object[]): string[] {
  expect(lines).not.toEqual([])
  return [...new Set(lines.flatMap((line) => Object.keys(line)))].sort()
}

/** The operations of the document that this server answers itself. */
function servedOperations(): string[] {
  const passed: readonly string[] = passedPaths
  return Object.entries(routes).flatMap(([path, methods]) => {
    if (!path.startsWith('/v1/') || passed.includes(path)) return []
    const example = path.slice('/v1'.length).replaceAll(/:\w+|\*/g, 'x')
    return methods.split(', ').flatMap((method) => {
      const operation = openAIDocument()?.operation(method, example)
      return operation ? [`${method} ${operation.path}`] : []
    })
  })
}
