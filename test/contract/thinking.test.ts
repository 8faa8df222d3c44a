import { afterAll, describe, expect, it } from 'vitest'
import type { ApiMessage } from '../../src/engine/conversation/api-messages.ts'
import { feed } from '../../src/engine/conversation/history.ts'
import { composeTranscript, writeTranscript } from '../../src/engine/conversation/transcript.ts'
import { type ConversationMessage, conversation, fails } from '../scripted-anthropic/server.ts'
import { clock, Stage } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

const model = 'claude-sonnet-5-5'
const text = (value: string) => ({ type: 'text' as const, text: value })
const thought = (thinking: string) => ({ type: 'thinking' as const, thinking, signature: 'c2ln' })
const sealed = { type: 'redacted_thinking' as const, data: 'c2VhbGVk' }
const call = (id: string) => ({ type: 'tool_use' as const, id, name: 'f', input: {} })
const result = (id: string) => ({ type: 'tool_result' as const, tool_use_id: id })
const user = (...content: ApiMessage['content']): ApiMessage => ({ role: 'user', content })
const answer = (...content: ApiMessage['content']): ApiMessage => ({ role: 'assistant', content })

const thoughtful = [
  user(text('One')),
  answer(thought('First'), sealed, text('Let me look.'), thought('Between'), call('toolu_1')),
  user(result('toolu_1')),
  answer(thought(''), text('Well.'), thought('Last')),
  user(text('Two')),
]

/** What the API gets of a conversation in which `answeredBy` gave the answers. */
type Way = (messages: readonly ApiMessage[], answeredBy?: string) => Promise<ConversationMessage[]>

const fed: Way = async (messages, answeredBy) => {
  await using process = await stage.start({ decisions: { model, modelListed: false } })
  await feed(process, messages.slice(0, -1), clock(), answeredBy)
  await process.turn(messages.at(-1)?.content ?? [])
  return conversation(stage.lastRequest)
}

const resumed: Way = async (messages, answeredBy) => {
  const { configDir: claudeDir, folder, claude } = stage
  const sessionId = crypto.randomUUID()
  const place = { claudeDir, folder, sessionId, version: claude.version, model: answeredBy }
  await writeTranscript(composeTranscript(messages, place, new Date()), place)
  await using process = await stage.start({
    decisions: { composed: sessionId, model, modelListed: false },
  })
  await process.turn([])
  return conversation(stage.lastRequest)
}

const ways: [string, Way][] = [
  ['fed', fed],
  ['resumed', resumed],
]

describe.each(ways)('thinking in a conversation that is %s', (_, told) => {
  it('reaches the API block for block where it is the model’s own', async () => {
    expect(await told(thoughtful, model)).toEqual(thoughtful)
  })

  it('is left out where another model gave the answers, or none is named, which is why it is', async () => {
    for (const other of ['claude-opus-5-5', undefined]) {
      const blocks = (await told(thoughtful, other)).flatMap(({ content }) => content)
      expect(blocks.map(({ type }) => type)).not.toContain('thinking')
      expect(blocks.map(({ type }) => type)).not.toContain('redacted_thinking')
    }
  })

  it('is lost with an answer that is nothing else, which is why that is not told', async () => {
    const messages = [user(text('One')), answer(thought('Hm')), user(text('Two'))]
    expect((await told(messages, model)).map(({ role }) => role)).toEqual(['user'])
  })
})

describe('which model answers', () => {
  it.each(['opusplan', 'claude-opus-4-1', 'claude-sonnet-4-5[1m]'])(
    'is told before it answers, whatever %s stands for',
    async (name) => {
      await using process = await stage.start({ decisions: { model: name, modelListed: false } })
      await process.turn('Hi')
      const told = process.messages.flatMap((message) =>
        message.type === 'system' && message.subtype === 'init' ? [message.model] : [],
      )
      expect(told.map((one) => one.replace('[1m]', ''))).toEqual([stage.lastRequest.body.model])
    },
  )
})

describe('thinking that the API does not take back', () => {
  it('is left out by Claude Code, which asks once more', async () => {
    const before = stage.anthropic.requests.length
    const refusal = 'messages.1.content.0: Invalid `signature` in `thinking` block'
    stage.anthropic.enqueue(fails(400, 'invalid_request_error', refusal))
    const blocks = (await fed(thoughtful, model)).flatMap(({ content }) => content)
    expect(stage.anthropic.requests.length).toBe(before + 2)
    expect(blocks.map(({ type }) => type)).not.toContain('thinking')
    expect(blocks).toContainEqual(text('Well.'))
  })
})
