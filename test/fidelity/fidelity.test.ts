import fc from 'fast-check'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conversation, says, systemText } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { conversations, tools } from './conversations.ts'
import { expectedConversation, expectedSystem } from './expected.ts'

/** More runs: `FIDELITY_RUNS=500 npx vitest run test/fidelity`; another sequence: `FIDELITY_SEED`. */
const runs = Number(process.env['FIDELITY_RUNS'] ?? 20)
const seed = Number(process.env['FIDELITY_SEED'] ?? 20_261_124)

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ LIVE_CONVERSATIONS: '0', WAITING_PROCESSES: '2' })
})
afterAll(() => server.close())

async function arrives(messages: ChatCompletionMessageParam[]): Promise<void> {
  const before = server.anthropic.requests.length
  server.anthropic.enqueue(says('ok'))
  const answer = await server.client.chat.completions.create({ model: 'sonnet', messages, tools })
  expect(answer.choices[0]?.message.content).toBe('ok')
  const received = server.anthropic.requests.slice(before)
  expect(received).toHaveLength(1)
  for (const request of received) {
    expect(conversation(request)).toEqual(expectedConversation(messages))
    expect(systemText(request)).toBe(expectedSystem(messages))
  }
}

/** Shrinking starts many processes: only when asked for (FIDELITY_SHRINK=1). */
function hold(arbitrary: fc.Arbitrary<ChatCompletionMessageParam[]>, numRuns: number) {
  const endOnFailure = process.env['FIDELITY_SHRINK'] === undefined
  return fc.assert(fc.asyncProperty(arbitrary, arrives), { seed, numRuns, endOnFailure })
}

const timeout = 60_000 + runs * 10_000

describe('a conversation reaches the model as it was sent', () => {
  it('when it is short', { timeout }, () =>
    hold(conversations({ from: 0, to: 8, pictures: false }), runs),
  )

  it('when it has pictures', { timeout }, () =>
    hold(conversations({ from: 0, to: 6, pictures: true }), Math.ceil(runs / 2)),
  )

  it('when it is fed and long', { timeout }, () =>
    hold(conversations({ from: 20, to: 40, pictures: false }), Math.ceil(runs / 8)),
  )

  it('when it is long enough for a transcript', { timeout }, () =>
    hold(conversations({ from: 65, to: 150, pictures: false }), Math.ceil(runs / 4)),
  )
})
