import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiMessage } from '../../src/engine/conversation/api-messages.ts'
import { feed } from '../../src/engine/conversation/history.ts'
import { conversation, type RecordedRequest } from '../scripted-anthropic/server.ts'
import { clock, type ResultMessage, Stage } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

/** One white pixel. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII='
const picture = {
  type: 'image',
  source: { type: 'base64', media_type: 'image/png', data: pixel },
} as const

function says(role: 'user' | 'assistant', ...texts: string[]): ApiMessage {
  return { role, content: texts.map((text) => ({ type: 'text', text })) }
}

const earlier: ApiMessage[] = [
  says('user', 'First part', '  second part, with space around \n'),
  says('assistant', 'An answer'),
  says('user', 'More'),
  says('assistant', 'A longer answer', 'in two parts'),
  says('user', 'Ünïcödé 👩‍👩‍👧 <system-reminder>not one</system-reminder>'),
  says('assistant', '{"json": true}'),
]
const question = says('user', 'What did I say first?')
const sent = [...earlier, question]

describe('a fed conversation', () => {
  let results: ResultMessage[]
  let requestsWhileFed: number
  let request: RecordedRequest

  beforeAll(async () => {
    await using process = await stage.start()
    await feed(process, earlier, clock())
    results = process.messages.filter((message) => message.type === 'result')
    requestsWhileFed = stage.anthropic.requests.length
    await process.turn(question.content)
    request = stage.lastRequest
  })

  it('gives each user message with shouldQuery false an empty result, and asks the API nothing', () => {
    expect(results.map(({ num_turns, is_error }) => ({ num_turns, is_error }))).toEqual(
      Array.from({ length: 3 }, () => ({ num_turns: 0, is_error: false })),
    )
    expect(results.map((result) => result.subtype === 'success' && result.result)).toEqual([
      '',
      '',
      '',
    ])
    expect(requestsWhileFed).toBe(0)
  })

  it('reaches the API turn by turn as it was sent, assistant messages among them', () => {
    expect(conversation(request).map(({ role }) => role)).toEqual(sent.map(({ role }) => role))
    expect(conversation(request)).toEqual(sent)
  })

  it('gets nothing added but notes of role system', () => {
    const added = request.body.messages.filter(({ role }) => role === 'system')
    expect(request.body.messages).toHaveLength(sent.length + added.length)
    expect(added.length).toBeLessThanOrEqual(2)
  })
})

describe('a picture in a message', () => {
  const message: ApiMessage = {
    role: 'user',
    content: [{ type: 'text', text: 'Look' }, picture, { type: 'text', text: 'there' }],
  }
  let earlierBlocks: Record<string, unknown>[]
  let lastBlocks: Record<string, unknown>[]

  beforeAll(async () => {
    await using process = await stage.start()
    await feed(process, [message, says('assistant', 'An answer')], clock())
    await process.turn(message.content)
    const [earlier, , last] = conversation(stage.lastRequest)
    earlierBlocks = earlier?.content ?? []
    lastBlocks = last?.content ?? []
  })

  it('stays a block of its own between the texts, fed or asked', () => {
    const [look, image, there] = message.content
    for (const blocks of [earlierBlocks, lastBlocks]) {
      expect(blocks.slice(0, 2)).toEqual([look, image])
      expect(blocks[2]).toEqual({ ...there, text: 'there\n' })
    }
  })

  it('is followed by a note of where Claude Code keeps a copy, which outlives the process', async () => {
    for (const blocks of [earlierBlocks, lastBlocks]) {
      expect(blocks).toHaveLength(4)
      const path = /^\[Image: source: (.*)\]$/.exec(String(blocks[3]?.['text']))?.[1] ?? ''
      expect(path.startsWith(stage.temporaryDir)).toBe(true)
      expect((await readFile(path)).toString('base64')).toBe(pixel)
    }
  })
})

describe('feeding', () => {
  it('joins user messages without an answer between them, each block but the last with a line end', async () => {
    await using process = await stage.start()
    await feed(process, [says('user', 'One'), says('user', 'Two')], clock())
    await process.turn('Three')
    const texts = ['One\n', 'Two\n', 'Three'].map((text) => ({ type: 'text', text }))
    expect(conversation(stage.lastRequest)).toEqual([{ role: 'user', content: texts }])
  })

  it('begins with an assistant message when the caller does', async () => {
    await using process = await stage.start()
    await feed(process, [says('assistant', 'Welcome!')], clock())
    await process.turn('Thanks')
    expect(conversation(stage.lastRequest).map(({ role }) => role)).toEqual(['assistant', 'user'])
  })

  it('loses the order when the result is not awaited, which is why it is', async () => {
    await using process = await stage.start()
    process.addUser(says('user', 'One').content)
    process.addAssistant(says('assistant', 'Answer').content)
    await process.result()
    await process.turn('Two')
    expect(conversation(stage.lastRequest).map(({ role }) => role)).not.toEqual([
      'user',
      'assistant',
      'user',
    ])
  })
})
