import type Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { callsTools, conversation, fails, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type CheckedClient, checkedClient } from './client.ts'

type Messages = Anthropic.MessageParam[]

/** Starts no process before it is needed, so that each start is a conversation told anew. */
let server: TestServer
let checked: CheckedClient
let starts = 0

beforeAll(async () => {
  const telemetry = { ...silentTelemetry, processStarted: () => void starts++ }
  server = await startTestServer({ WAITING_PROCESSES: '0' }, undefined, telemetry)
  checked = checkedClient(server.url)
  // The process that is only asked for the models has started then.
  await server.client.models.list()
})
afterAll(async () => {
  await server.close()
  expect(await checked.problems()).toEqual([])
})

const look_up = { name: 'look_up', input_schema: { type: 'object' as const } }

type Asked = Pick<Anthropic.Message, 'content'> & { notice: string | null; started: number }

/** Asks, and holds what the model got to what was sent, or to what is `told` of it. */
async function ask(messages: Messages, told = messages, more: object = {}): Promise<Asked> {
  const before = starts
  const { data, response } = await checked.client.messages
    .create({
      model: 'sonnet',
      max_tokens: 1_000,
      thinking: { type: 'adaptive' },
      tools: [look_up],
      messages,
      ...more,
    })
    .withResponse()
  const request = server.anthropic.requests.at(-1) ?? expect.fail('The model was asked nothing.')
  expect(conversation(request)).toEqual(told.map(inBlocks))
  return {
    content: data.content,
    notice: response.headers.get('x-notice'),
    started: starts - before,
  }
}

function inBlocks({ role, content }: Anthropic.MessageParam): object {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  return {
    role,
    content: blocks.map((block) => {
      const { caller: _caller, ...rest } = block as Anthropic.ToolUseBlock
      return rest
    }),
  }
}

const question = (content: string): Anthropic.MessageParam => ({ role: 'user', content })
const answer = (content: Anthropic.ContentBlockParam[]): Anthropic.MessageParam => ({
  role: 'assistant',
  content,
})
const thinking = { type: 'thinking' as const, thinking: 'Hm.', signature: 'c2lnbmVk' }
const redacted = { type: 'redacted_thinking' as const, data: 'c2VhbGVk' }
const words = { type: 'text' as const, text: 'Well.' }

/** The same without thinking. */
function plain(messages: Messages): Messages {
  return messages.map((message) =>
    message.role !== 'assistant' || typeof message.content === 'string'
      ? message
      : {
          ...message,
          content: message.content.filter(
            ({ type }) => type !== 'thinking' && type !== 'redacted_thinking',
          ),
        },
  )
}

describe('thinking that a client sends back', () => {
  it('reaches the model block for block: answers, and calls with their results', async () => {
    const call = { type: 'tool_use' as const, id: 'toolu_1', name: 'look_up', input: {} }
    const result = { type: 'tool_result' as const, tool_use_id: 'toolu_1' }
    const { notice } = await ask([
      question('One'),
      answer([thinking, redacted, words, { ...thinking, thinking: '' }, call]),
      { role: 'user', content: [result] },
      answer([thinking, words]),
      question('Two'),
    ])
    expect(notice).toBeNull()
  })

  it('reaches it in a long conversation too', async () => {
    const exchanges = Array.from({ length: 35 }, (_, index) => [
      question(`Question ${index}`),
      answer([{ ...thinking, thinking: `Thought ${index}` }, words]),
    ])
    await ask([...exchanges.flat(), question('And?')])
  })

  it('goes on in the process that thought it', async () => {
    server.anthropic.enqueue(
      callsTools([{ name: 'look_up', input: {} }], { thinking: 'I look.', redacted: 'c2VhbGVk' }),
      says('Found.', { thinking: '' }),
    )
    const messages: Messages = [question('Look')]
    const first = await ask(messages)
    expect(first.started).toBe(1)
    expect(first.content).toMatchObject([
      { type: 'thinking', thinking: 'I look.', signature: 'c2lnbmVk' },
      { type: 'redacted_thinking', data: 'c2VhbGVk' },
      { type: 'tool_use' },
    ])
    const id = first.content.find(({ type }) => type === 'tool_use') as Anthropic.ToolUseBlock
    const result = { type: 'tool_result' as const, tool_use_id: id.id }
    messages.push(answer(first.content), { role: 'user', content: [result] })
    const second = await ask(messages)
    expect(second.content).toMatchObject([
      { type: 'thinking', thinking: '', signature: 'c2lnbmVk' },
      { type: 'text', text: 'Found.' },
    ])
    messages.push(answer(second.content), question('Sure?'))
    expect(second.started).toBe(0)
    expect((await ask(messages)).started).toBe(0)
  })

  it('is not missed there by a client that does not send it', async () => {
    server.anthropic.enqueue(says('Well.', { thinking: 'Hm.' }))
    const messages = [question('Forget'), answer([thinking, words]), question('And?')]
    await ask(messages.slice(0, 1))
    const { started } = await ask(plain(messages), messages)
    expect(started).toBe(0)
  })

  it('is told anew where it is not what was thought', async () => {
    server.anthropic.enqueue(says('Well.', { thinking: 'Hm.' }))
    const other = { ...thinking, signature: 'b3RoZXI=' }
    await ask([question('Branch')])
    const { started } = await ask([question('Branch'), answer([other, words]), question('And?')])
    expect(started).toBe(1)
  })
})

describe('thinking that cannot be told', () => {
  it('is named: another’s than Claude’s, and an answer that is nothing else', async () => {
    const { notice } = await ask(
      [
        question('One'),
        answer([{ ...thinking, signature: '' }, words]),
        question('Two'),
        answer([thinking]),
        question('Three'),
      ],
      [
        question('One'),
        answer([words]),
        { role: 'user', content: ['Two', 'Three'].map((text) => ({ type: 'text', text })) },
      ],
    )
    expect(notice).toContain('messages[1].content[0] is thinking without a signature')
    expect(notice).toContain('messages[3] is only thinking')
  })

  it.each(['opusplan', 'claude-opus-4-1'])(
    'is named where another model turns out to answer, until that is known: %s',
    async (model) => {
      const messages = [question(model), answer([thinking, words]), question('Two')]
      const { notice } = await ask(messages, plain(messages), { model })
      expect(notice).toContain('another model answers than the one named')
      const again = [question(`${model}?`), answer([thinking, words]), question('Two')]
      expect((await ask(again, again, { model })).notice).toBeNull()
    },
  )

  it('is left out where the API does not take it back', async () => {
    const refusal = 'messages.1.content.0: Invalid `signature` in `thinking` block'
    server.anthropic.enqueue(fails(400, 'invalid_request_error', refusal))
    const messages = [question('Forged'), answer([thinking, words]), question('Two')]
    const { content } = await ask(messages, plain(messages))
    expect(content).toMatchObject([{ type: 'text' }])
  })
})
