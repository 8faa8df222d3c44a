import type OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { ResponseBook } from '../../src/responses/response-book.ts'
import { TurnError } from '../../src/turn/error.ts'
import { says } from '../http/server.ts'
import { hasOpenAIDocument, OpenAIDocument } from '../support/openai-document.ts'
import { keptServers, told } from './kept-server.ts'

const servers = keptServers()
const { start } = servers

const dayMs = 24 * 3_600_000

const reference = (id: string | undefined) => ({
  type: 'item_reference' as const,
  id: id ?? '',
})

const ask = (client: OpenAI, input: string, more: object = {}) =>
  client.responses.create({ model: 'sonnet', input, ...more })

describe('a response', () => {
  it('is found again as it was given, until it is deleted', async () => {
    const { client } = await start()
    const response = await ask(client, 'Hello', { metadata: { a: 'b' } })
    expect(response).toMatchObject({ store: true })
    const { output_text: _text, ...found } = await client.responses.retrieve(response.id)
    const { output_text: _other, ...given } = response
    expect({ ...found, _request_id: '' }).toEqual({ ...given, _request_id: '' })
    await client.responses.delete(response.id)
    const gone = { status: 404, code: 'response_not_found' }
    await expect(client.responses.retrieve(response.id)).rejects.toMatchObject(gone)
    await expect(client.responses.delete(response.id)).rejects.toMatchObject(gone)
  })

  it('of a stream is kept before its last event', async () => {
    const { client } = await start()
    const stream = client.responses.stream({ model: 'sonnet', input: 'Hello' })
    const found: unknown[] = []
    for await (const event of stream) {
      if (event.type !== 'response.completed') continue
      found.push((await client.responses.retrieve(event.response.id)).output)
    }
    expect(found).toEqual([(await stream.finalResponse()).output.map(withoutParsed)])
  })

  it('with store: false is not kept, and neither where the owner keeps none', async () => {
    const { client } = await start()
    const response = await ask(client, 'Hello', { store: false })
    await expect(client.responses.retrieve(response.id)).rejects.toMatchObject({ status: 404 })
    const other = await start(undefined, { keepMs: 0 })
    const unkept = await ask(other.client, 'Hello')
    expect(unkept).toMatchObject({ store: false })
    await expect(other.client.responses.retrieve(unkept.id)).rejects.toMatchObject({ status: 404 })
  })

  it('that failed in its stream is kept as failed', async () => {
    const { client } = await start(async function* () {
      yield { type: 'start', id: 'm', provider: 'claude', model: 'm' }
      yield { type: 'text-start', block: 0 }
      throw new TurnError('overloaded', 'It failed.')
    })
    let id = ''
    const reading = async (): Promise<void> => {
      for await (const event of await client.responses.create({ input: 'Hello', stream: true })) {
        if (event.type === 'response.created') ({ id } = event.response)
      }
    }
    await expect(reading()).rejects.toMatchObject({ code: 'overloaded' })
    expect(await client.responses.retrieve(id)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: 'It failed.' },
    })
  })
})

describe('previous_response_id', () => {
  it('goes on from everything before it, also after a restart', async () => {
    const first = await start()
    const one = await ask(first.client, 'One?', { instructions: 'Only once.' })
    const two = await ask(first.client, 'Two?', { previous_response_id: one.id })
    expect(two.previous_response_id).toBe(one.id)
    await servers.reopen()
    const again = await start()
    const three = await ask(again.client, 'Three?', { previous_response_id: two.id })
    expect(told(again)).toEqual([
      'user: One?',
      'assistant: Answer 0.',
      'user: Two?',
      'assistant: Answer 1.',
      'user: Three?',
    ])
    expect(again.backend.runs.at(-1)?.turn.instructions).toEqual([])
    const items = await again.client.responses.inputItems.list(three.id, { order: 'asc' })
    expect(items.data.map((item) => ('role' in item ? item.role : item.type))).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
    ])
    if (hasOpenAIDocument) {
      const { data, object, has_more, first_id, last_id } = {
        ...(items as unknown as Record<string, unknown>),
        ...JSON.parse(await (await again.fetch(`/v1/responses/${three.id}/input_items`)).text()),
      } as Record<string, unknown>
      const list = { data, object, has_more, first_id, last_id }
      expect(new OpenAIDocument().problems('ResponseItemList', list)).toEqual([])
    }
  })

  it('gives the results of calls alone', async () => {
    const { client, backend } = await start(async function* (_turn, _context, run) {
      if (run > 0) return yield* says('Sun.')
      yield { type: 'start', id: 'm', provider: 'claude', model: 'm' }
      yield { type: 'tool-call-start', block: 0, id: 'toolu_1', name: 'f', kind: 'function' }
      yield { type: 'tool-call-delta', block: 0, input: '{}' }
      yield { type: 'tool-call-end', block: 0 }
      const usage = { inputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 }
      yield {
        type: 'finish',
        reason: 'tool-calls',
        model: 'm',
        usage: { ...usage, outputTokens: 1, reasoningTokens: 0 },
      }
    })
    const tools = [{ type: 'function' as const, name: 'f', parameters: {}, strict: false }]
    const called = await client.responses.create({ input: 'Q', tools })
    const answer = await client.responses.create({
      tools,
      previous_response_id: called.id,
      input: [{ type: 'function_call_output', call_id: 'toolu_1', output: 'r' }],
    })
    expect(answer.output_text).toBe('Sun.')
    expect(backend.runs[1]?.turn.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: [{ type: 'tool-call', id: 'toolu_1' }] },
      { role: 'tool', callId: 'toolu_1' },
    ])
  })

  it('of nobody, of another owner or with a gap before it is refused', async () => {
    const { client, backend } = await start()
    const none = { status: 404, code: 'previous_response_not_found', param: 'previous_response_id' }
    await expect(ask(client, 'Q', { previous_response_id: 'resp_x' })).rejects.toMatchObject(none)
    const one = await ask(client, 'One?')
    const two = await ask(client, 'Two?', { previous_response_id: one.id })
    await client.responses.delete(one.id)
    await expect(ask(client, 'Q', { previous_response_id: two.id })).rejects.toMatchObject(none)
    expect(backend.runs).toHaveLength(2)
  })

  it('is enough to compact what was said, and not to ask', async () => {
    const running = await start()
    const { client } = running
    const one = await ask(client, 'One?')
    const compacted = await client.responses.compact({
      model: 'sonnet',
      previous_response_id: one.id,
    })
    expect(compacted.output).toMatchObject([{ type: 'compaction' }])
    expect(told(running).slice(0, 2)).toEqual(['user: One?', 'assistant: Answer 0.'])
    const asking = client.responses.create({ previous_response_id: one.id })
    await expect(asking).rejects.toMatchObject({ status: 400 })
  })

  it('leaves the fields of errors to the caller’s own items', async () => {
    const { client } = await start()
    const one = await ask(client, 'One?')
    const wrong = { type: 'function_call_output' as const, call_id: 'c', output: 'r' }
    const asking = client.responses.create({ previous_response_id: one.id, input: [wrong] })
    await expect(asking).rejects.toMatchObject({ status: 400, param: 'input[0].call_id' })
  })
})

describe('an item', () => {
  it('is found by its id, of the output and of the input', async () => {
    const running = await start()
    const { client } = running
    const one = await ask(client, 'One?')
    const [asked] = (await client.responses.inputItems.list(one.id)).data
    await client.responses.create({
      input: [
        reference(asked?.id),
        reference(one.output[0]?.id),
        { role: 'user', content: 'Two?' },
      ],
    })
    expect(told(running)).toEqual(['user: One?', 'assistant: Answer 0.', 'user: Two?'])
    const unknown = client.responses.create({ input: [reference('msg_x')] })
    await expect(unknown).rejects.toMatchObject({
      status: 404,
      code: 'item_not_found',
      param: 'input[0].id',
    })
  })

  it('is listed in pages', async () => {
    const { client } = await start()
    const input = ['a', 'b', 'c'].map((content) => ({ role: 'user' as const, content }))
    const response = await client.responses.create({ input })
    const texts: unknown[] = []
    for await (const item of client.responses.inputItems.list(response.id, { limit: 2 })) {
      texts.push('content' in item && item.content)
    }
    expect(texts).toEqual(['c', 'b', 'a'].map((text) => [{ type: 'input_text', text }]))
  })
})

describe('what is kept', () => {
  it('is removed in its time after the last use', async () => {
    let now = Date.now()
    const { client } = await start(undefined, { now: () => now })
    const old = await ask(client, 'Old?')
    const used = await ask(client, 'Used?')
    now += dayMs - 1
    await ask(client, 'More?', { previous_response_id: used.id })
    now += 2
    const book = new ResponseBook({
      storage: Promise.resolve(servers.store),
      keepMs: dayMs,
      now: () => now,
    })
    await book.clean()
    await expect(client.responses.retrieve(old.id)).rejects.toMatchObject({ status: 404 })
    expect((await client.responses.retrieve(used.id)).id).toBe(used.id)
  })

  it('or is not, while the storage is away: the answer comes all the same', async () => {
    const { client, faults } = await start()
    await servers.store.close()
    const response = await ask(client, 'Hello')
    expect(response).toMatchObject({ output_text: 'Answer 0.', store: false })
    expect(faults).toHaveLength(1)
    await servers.reopen()
  })
})

describe('input_tokens', () => {
  it('are estimated, and said to be', async () => {
    const { client } = await start()
    const { data, response } = await client.responses.inputTokens
      .count({ model: 'sonnet', input: 'How many tokens are these?' })
      .withResponse()
    expect(data).toEqual({ object: 'response.input_tokens', input_tokens: expect.any(Number) })
    expect(data.input_tokens).toBeGreaterThan(5)
    expect(data.input_tokens).toBeLessThan(30)
    expect(response.headers.get('x-notice')).toContain('estimate')
    const empty = await client.responses.inputTokens.count({ model: 'sonnet' })
    expect(empty.input_tokens).toBeLessThan(data.input_tokens)
  })
})

function withoutParsed(item: object): unknown {
  return JSON.parse(JSON.stringify(item, (key, value) => (key === 'parsed' ? undefined : value)))
}
