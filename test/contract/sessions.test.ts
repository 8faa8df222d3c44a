import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiMessage } from '../../src/engine/conversation/api-messages.ts'
import { composeTranscript, writeTranscript } from '../../src/engine/conversation/transcript.ts'
import { conversation, systemText } from '../scripted-anthropic/server.ts'
import { type ResultMessage, Stage, TestProcess } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

const text = (text: string) => ({ type: 'text' as const, text })

describe('a composed transcript', () => {
  const earlier: ApiMessage[] = [
    { role: 'user', content: [text('One'), text('and a half')] },
    { role: 'assistant', content: [text('Answer one')] },
    {
      role: 'user',
      content: [
        {
          type: 'image',
          source: {
            type: 'base64',
            media_type: 'image/gif',
            data: 'R0lGODlhAQABAAAAACwAAAAAAQABAAA=',
          },
        },
        text('Two'),
      ],
    },
    { role: 'assistant', content: [text('Answer two')] },
  ]

  it('is resumed by its id and reaches the API turn by turn as it was sent', async () => {
    const place = {
      claudeDir: stage.configDir,
      folder: stage.folder,
      sessionId: crypto.randomUUID(),
      version: stage.claude.version,
    }
    await writeTranscript(composeTranscript(earlier, place, new Date()), place)
    await using process = await stage.start({
      turn: { instructions: ['A prompt of its own.'] },
      decisions: { composed: place.sessionId },
    })
    const result = await process.turn('Three')
    expect(result.session_id).toBe(place.sessionId)
    expect(stage.anthropic.requests).toHaveLength(1)
    expect(conversation(stage.lastRequest)).toEqual([
      ...earlier,
      { role: 'user', content: [text('Three')] },
    ])
    expect(systemText(stage.lastRequest)).toBe('A prompt of its own.')
  })
})

describe('a session', () => {
  let first: ResultMessage

  beforeAll(async () => {
    await using process = await stage.start({ turn: { instructions: ['The first prompt.'] } })
    first = await process.turn('One')
  })

  const resume = () => ({ resume: first.session_id })

  it('is resumed by its id, keeps it, and keeps its system prompt when none is sent', async () => {
    await using process = await stage.start({ decisions: resume() })
    const result = await process.turn('Two')
    expect(result.session_id).toBe(first.session_id)
    expect(
      conversation(stage.lastRequest).map(({ role, content }) => [role, content[0]?.['text']]),
    ).toEqual([
      ['user', 'One'],
      ['assistant', 'Hello from the scripted model.'],
      ['user', 'Two'],
    ])
    expect(systemText(stage.lastRequest)).toBe('The first prompt.')
  })

  it('keeps its system prompt when another is sent without snapshot false', async () => {
    await using process = await stage.start({
      decisions: resume(),
      options: { systemPrompt: { type: 'custom', prompt: 'Another prompt.' } },
    })
    await process.turn('Three')
    expect(systemText(stage.lastRequest)).toBe('The first prompt.')
  })

  it('takes another system prompt with snapshot false', async () => {
    await using process = await stage.start({
      turn: { instructions: ['Another prompt.'] },
      decisions: resume(),
    })
    await process.turn('Four')
    expect(systemText(stage.lastRequest)).toBe('Another prompt.')
  })

  it('is found from another working folder', async () => {
    const folder = join(stage.folder, 'elsewhere')
    await mkdir(folder)
    await using process = await stage.start({ decisions: { ...resume(), folder } })
    const result = await process.turn('Five')
    expect(result.session_id).toBe(first.session_id)
    expect(JSON.stringify(conversation(stage.lastRequest)[0])).toContain('One')
  })

  it('that nobody knows fails with the words that mean session_not_found', async () => {
    const before = stage.anthropic.requests.length
    const options = stage.options({ decisions: { resume: crypto.randomUUID() } })
    await using process = new TestProcess(options, stage.room)
    const failure = await process.introduction().catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'TurnError', code: 'session_not_found' })
    expect(failure).toHaveProperty(
      'cause.message',
      expect.stringMatching(/No conversation found with session ID/),
    )
    expect(stage.anthropic.requests).toHaveLength(before)
  })
})

describe('the cost of a turn', () => {
  it('is told by model_usage_since_last_result for that turn alone, also after a resume', async () => {
    const costs: (number | undefined)[] = []
    await using process = await stage.start()
    for (const question of ['One', 'Two'])
      costs.push((await process.answered(question)).claude?.costUsd)
    const { sessionId } = (await process.answered('Three')).claude ?? {}
    const total = process.messages.findLast((message) => message.type === 'result')?.total_cost_usd
    await process[Symbol.asyncDispose]()
    await using resumed = await stage.start({ decisions: { resume: sessionId ?? '' } })
    costs.push((await resumed.answered('Four')).claude?.costUsd)
    expect(costs[0]).toBeGreaterThan(0)
    expect(costs[1]).toBeCloseTo(costs[0] ?? 0, 9)
    expect(costs[2]).toBeCloseTo(costs[0] ?? 0, 9)
    expect(total).toBeCloseTo(3 * (costs[0] ?? 0), 9)
  })
})
