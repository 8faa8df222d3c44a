import fc from 'fast-check'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { png } from '../attachments/pictures.ts'
import {
  callsTools,
  type ConversationMessage,
  conversation,
  fails,
  says,
  type Step,
} from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { dialogues, type Exchange, tools } from './conversations.ts'
import { expectedConversation } from './expected.ts'

/** More dialogues: `FIDELITY_RUNS=500 npx vitest run test/fidelity`. */
const runs = Math.ceil(Number(process.env['FIDELITY_RUNS'] ?? 20) / 4)
const seed = Number(process.env['FIDELITY_SEED'] ?? 20_261_124)

type Messages = ChatCompletionMessageParam[]

/** Keeps processes, and starts none before it is needed, so that each start is a conversation told anew. */
let keeping: TestServer
/** Keeps none. */
let forgetful: TestServer
let starts = 0

beforeAll(async () => {
  const telemetry = { ...silentTelemetry, processStarted: () => void starts++ }
  keeping = await startTestServer({ WAITING_PROCESSES: '0' }, undefined, telemetry)
  forgetful = await startTestServer({ LIVE_CONVERSATIONS: '0' })
  // The process that is only asked for the models has started then.
  await keeping.client.models.list()
})
afterAll(() => Promise.all([keeping.close(), forgetful.close()]))

type Asked = {
  answer: ChatCompletionMessageParam
  received: ConversationMessage[]
  started: number
}

async function ask(server: TestServer, messages: Messages, step: Step): Promise<Asked> {
  const before = { requests: server.anthropic.requests.length, starts }
  server.anthropic.enqueue(step)
  const { choices } = await server.client.chat.completions.create({
    model: 'sonnet',
    messages,
    tools,
  })
  const requests = server.anthropic.requests.slice(before.requests)
  expect(requests).toHaveLength(1)
  const [received = []] = requests.map(conversation)
  const answer = choices[0]?.message
  if (!answer) throw new Error('There was no answer.')
  return { answer, received, started: starts - before.starts }
}

/** Asks, and holds what the model got to what was sent. */
async function told(messages: Messages, step: Step): Promise<Asked> {
  const asked = await ask(keeping, messages, step)
  expect(asked.received).toEqual(expectedConversation(messages))
  return asked
}

function stepOf({ text, calls }: Exchange['answer']): Step {
  return calls.length === 0
    ? says([text])
    : callsTools(calls.map((call, index) => (index === 0 ? { ...call, text } : call)))
}

/** The results of an answer's calls, last call first. */
function resultsOf(answer: ChatCompletionMessageParam): Messages {
  const calls = answer.role === 'assistant' ? (answer.tool_calls ?? []) : []
  return calls
    .map(({ id }, index) => ({
      role: 'tool' as const,
      tool_call_id: id,
      content: `result ${index}\n`,
    }))
    .toReversed()
}

/** A client's whole dialogue; the conversation as it is at the end. */
async function converse(exchanges: readonly Exchange[]): Promise<Messages> {
  const messages: Messages = [{ role: 'system', content: 'Be brief.' }]
  for (const { name = '', question, answer, sentAs } of exchanges) {
    if (messages.at(-1)?.role !== 'tool') messages.push({ role: 'user', name, content: question })
    const asked = await told(messages, stepOf(answer))
    expect(asked.started).toBe(messages.length === 2 ? 1 : 0)
    messages.push({ ...asked.answer, ...sentAs }, ...resultsOf(asked.answer))
  }
  return messages
}

describe('a dialogue that goes on in its process', () => {
  it(
    'reaches the model as it was sent, and as it does when it is told anew',
    { timeout: 60_000 + runs * 20_000 },
    () =>
      fc.assert(
        fc.asyncProperty(dialogues, async (exchanges) => {
          const messages = await converse(exchanges)
          if (messages.at(-1)?.role !== 'tool') messages.push({ role: 'user', content: 'And?' })
          const here = await told(messages, says('ok'))
          const anew = await ask(forgetful, messages, says('ok'))
          expect(here.started).toBe(0)
          expect(anew.received).toEqual(here.received)
        }),
        { seed, numRuns: runs, endOnFailure: process.env['FIDELITY_SHRINK'] === undefined },
      ),
  )
})

const first: ChatCompletionMessageParam = { role: 'user', content: 'One' }
const image = {
  type: 'image_url' as const,
  image_url: { url: `data:image/png;base64,${png(420, 420, true).toString('base64')}` },
}

describe('a conversation', () => {
  it('goes on in its process after a picture, and is told anew with another one', async () => {
    const messages: Messages = [{ role: 'user', content: [{ type: 'text', text: 'Look ' }, image] }]
    const { answer } = await told(messages, says('Noise.'))
    messages.push(answer, { role: 'user', content: 'Sure?' })
    const more = await told(messages, says('Yes.'))
    expect(more.started).toBe(0)
    messages.push(more.answer, {
      role: 'user',
      content: [image, { type: 'text', text: 'And this?\n' }],
    })
    const last = await told(messages, says('The same.'))
    expect(last.started).toBe(1)
  })

  it('branches when an earlier message is edited', async () => {
    const { answer } = await told([first], says('A'))
    const second = await told([first, answer, { role: 'user', content: 'Two' }], says('B'))
    expect(second.started).toBe(0)
    const edited = await told([first, answer, { role: 'user', content: 'Zwei' }], says('C'))
    expect(edited.started).toBe(1)
    const anew = await told(
      [{ role: 'user', content: 'Eins' }, answer, { role: 'user', content: 'Two' }],
      says('D'),
    )
    expect(anew.started).toBe(1)
    // The first branch is still held.
    const kept = await told(
      [
        first,
        answer,
        { role: 'user', content: 'Two' },
        second.answer,
        { role: 'user', content: 'Three' },
      ],
      says('E'),
    )
    expect(kept.started).toBe(0)
  })

  it('is not the same with one byte changed', async () => {
    const { answer } = await told([{ role: 'user', content: 'Byte' }], says('A'))
    const next: ChatCompletionMessageParam = { role: 'user', content: 'Two' }
    const changes: Messages[] = [
      [{ role: 'user', content: 'Byte ' }, answer, next],
      [{ role: 'user', content: 'Byte' }, { role: 'assistant', content: 'A ' }, next],
      [{ role: 'system', content: 'x' }, { role: 'user', content: 'Byte' }, answer, next],
      [{ role: 'user', name: 'a', content: 'Byte' }, answer, next],
    ]
    for (const messages of changes) expect((await told(messages, says('B'))).started).toBe(1)
  })

  it('is never continued in the process of a failed turn', async () => {
    const { answer } = await told([{ role: 'user', content: 'Fail' }], says('A'))
    const messages: Messages = [
      { role: 'user', content: 'Fail' },
      answer,
      { role: 'user', content: 'Two' },
    ]
    await expect(
      ask(keeping, messages, fails(529, 'overloaded_error', 'Overloaded')),
    ).rejects.toThrow()
    const again = await told(messages, says('B'))
    expect(again.started).toBe(1)
  })

  it('is refused when the assistant has the last word', async () => {
    const messages: Messages = [first, { role: 'assistant', content: 'The answer is' }]
    const error: unknown = await keeping.client.chat.completions
      .create({ model: 'sonnet', messages })
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 400, code: 'invalid_value', param: 'messages[1].role' })
  })
})
