import { describe, expect, it } from 'vitest'
import { TurnError } from '../../src/turn/error.ts'
import { hasOpenAIDocument, OpenAIDocument } from '../support/openai-document.ts'
import { keptServers, told } from './kept-server.ts'

const servers = keptServers()
const { start } = servers

const message = (content: string) => ({ type: 'message', role: 'user', content }) as const

describe('an item of a conversation', () => {
  it('can be named in any request of its owner, until it is removed', async () => {
    const running = await start()
    const { client } = running
    const { id } = await client.conversations.create({})
    const { data } = await client.conversations.items.create(id, { items: [message('One.')] })
    const [item] = data
    const input = [{ type: 'item_reference' as const, id: item?.id ?? '' }, message('Two?')]
    await client.responses.create({ model: 'sonnet', input })
    expect(told(running)).toEqual(['user: One.', 'user: Two?'])
    await client.conversations.items.delete(item?.id ?? '', { conversation_id: id })
    await expect(client.responses.create({ model: 'sonnet', input })).rejects.toMatchObject({
      status: 404,
      code: 'item_not_found',
      param: 'input[0].id',
    })
  })
})

describe('a conversation', () => {
  it('is made, changed and forgotten', async () => {
    const { client } = await start()
    const made = await client.conversations.create({ metadata: { a: 'b' } })
    expect(made).toMatchObject({
      id: expect.stringMatching(/^conv_[\da-f]{32}$/),
      object: 'conversation',
      metadata: { a: 'b' },
    })
    await client.conversations.update(made.id, { metadata: { c: 'd' } })
    expect(await client.conversations.retrieve(made.id)).toMatchObject({ metadata: { c: 'd' } })
    expect(await client.conversations.delete(made.id)).toMatchObject({ deleted: true })
    const gone = { status: 404, code: 'conversation_not_found' }
    await expect(client.conversations.retrieve(made.id)).rejects.toMatchObject(gone)
    await expect(client.conversations.delete(made.id)).rejects.toMatchObject(gone)
  })

  it('grows with each answer, whole or streamed', async () => {
    const running = await start()
    const { client } = running
    const { id } = await client.conversations.create({ items: [message('Zero.')] })
    const first = await client.responses.create({ conversation: id, input: 'One?' })
    expect(first.conversation).toEqual({ id })
    await client.responses.stream({ conversation: { id }, input: 'Two?' }).finalResponse()
    expect(told(running)).toEqual([
      'user: Zero.',
      'user: One?',
      'assistant: Answer 0.',
      'user: Two?',
    ])
    const listed = await client.conversations.items.list(id, { order: 'asc' })
    const texts = listed.data.map((item) => item.type === 'message' && item.content)
    expect(texts).toMatchObject(
      ['Zero.', 'One?', 'Answer 0.', 'Two?', 'Answer 1.'].map((text) => [{ text }]),
    )
    await client.responses.create({ previous_response_id: first.id, input: 'Else?' })
    expect(told(running)).toEqual([
      'user: Zero.',
      'user: One?',
      'assistant: Answer 0.',
      'user: Else?',
    ])
    if (hasOpenAIDocument) {
      const page: unknown = await (
        await running.fetch(`/v1/conversations/${id}/items?order=asc`)
      ).json()
      expect(new OpenAIDocument().problems('ConversationItemList', page)).toEqual([])
    }
  })

  it('has items that are added, found and removed one by one', async () => {
    const running = await start()
    const { client } = running
    const { id } = await client.conversations.create()
    const { data } = await client.conversations.items.create(id, {
      items: [message('A.'), message('B.')],
    })
    const [one, other] = data
    const found = await client.conversations.items.retrieve(one?.id ?? '', { conversation_id: id })
    expect(found).toEqual(one)
    await client.conversations.items.delete(one?.id ?? '', { conversation_id: id })
    const left: unknown[] = []
    for await (const item of client.conversations.items.list(id, { limit: 1 })) left.push(item.id)
    expect(left).toEqual([other?.id])
    await expect(
      client.conversations.items.retrieve(one?.id ?? '', { conversation_id: id }),
    ).rejects.toMatchObject({ status: 404, code: 'item_not_found' })
    await client.responses.create({ conversation: id, input: 'Q' })
    expect(told(running)).toEqual(['user: B.', 'user: Q'])
  })

  it('is left as it was by an answer that failed', async () => {
    const { client } = await start(async function* () {
      yield* []
      throw new TurnError('overloaded', 'It failed.')
    })
    const { id } = await client.conversations.create({ items: [message('Zero.')] })
    await expect(client.responses.create({ conversation: id, input: 'Q' })).rejects.toThrow()
    expect((await client.conversations.items.list(id)).data).toHaveLength(1)
  })

  it('that is not there, or beside what excludes it, is refused', async () => {
    const { client, backend } = await start()
    const { id } = await client.conversations.create()
    const wrong: [object, object][] = [
      [{ conversation: 'conv_x' }, { status: 404, code: 'conversation_not_found' }],
      [
        { conversation: id, store: false },
        { status: 400, param: 'conversation' },
      ],
    ]
    for (const [body, error] of wrong) {
      await expect(client.responses.create({ input: 'Q', ...body })).rejects.toMatchObject(error)
    }
    const response = await client.responses.create({ input: 'Q' })
    const both = { conversation: id, previous_response_id: response.id }
    await expect(client.responses.create({ input: 'Q', ...both })).rejects.toMatchObject({
      status: 400,
      param: 'previous_response_id',
    })
    await expect(
      client.conversations.create({ items: [{ type: 'dream' } as never] }),
    ).rejects.toMatchObject({ status: 400, param: 'items[0].type' })
    expect(backend.runs).toHaveLength(1)
  })

  it('is nowhere where the owner keeps nothing', async () => {
    const { client } = await start(undefined, { keepMs: 0 })
    await expect(client.conversations.create()).rejects.toMatchObject({ status: 404 })
  })
})
