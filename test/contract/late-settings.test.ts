import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Introduction } from '../../src/engine/claude-process.ts'
import { conversation, type RecordedRequest } from '../scripted-anthropic/server.ts'
import { Stage, type TestProcess } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

describe('a started process', () => {
  let process: TestProcess
  let introduction: Introduction
  let plain: RecordedRequest
  let requestsOfSetting: number
  let changed: RecordedRequest

  beforeAll(async () => {
    process = await stage.start()
    introduction = await process.introduction()
    await process.turn('Plain')
    plain = stage.lastRequest
    const before = stage.anthropic.requests.length
    await process.set({ model: 'haiku', effort: 'low', maxOutputTokens: 77, noThinking: false })
    requestsOfSetting = stage.anthropic.requests.length - before
    await process.set({ model: 'sonnet', effort: 'high', noThinking: false })
    await process.turn('Changed')
    changed = stage.lastRequest
  })
  afterAll(() => process[Symbol.asyncDispose]())

  it('lists the models that the CLI knows', () => {
    const names = introduction.models.map(({ value }) => value)
    expect(names).toEqual(expect.arrayContaining(['default', 'sonnet', 'haiku']))
    for (const { resolvedModel } of introduction.models) expect(resolvedModel).toMatch(/^claude-/)
  })

  it('changes to a listed model without asking the API', () => {
    expect(requestsOfSetting).toBe(0)
    expect(plain.body.model).not.toBe(changed.body.model)
    expect(changed.body.model).toMatch(/^claude-sonnet-/)
  })

  it('adds nothing to the conversation when the model changes', () => {
    expect(conversation(changed).map(({ role, content }) => ({ role, text: content[0]?.['text'], blocks: content.length }))).toEqual([
      { role: 'user', text: 'Plain', blocks: 1 },
      { role: 'assistant', text: 'Hello from the scripted model.', blocks: 1 },
      { role: 'user', text: 'Changed', blocks: 1 },
    ])
  })

  it('sends CLAUDE_CODE_MAX_OUTPUT_TOKENS from a late setting as max_tokens', () => {
    expect(plain.body.max_tokens).toBeGreaterThan(1_000)
    expect(changed.body.max_tokens).toBe(77)
  })

  it('sends effortLevel from a late setting as output_config.effort', () => {
    expect(plain.body.output_config?.effort).not.toBe('high')
    expect(changed.body.output_config?.effort).toBe('high')
  })

  it('asks for thinking as a summary', () => {
    expect(plain.body.thinking).toEqual({ type: 'adaptive', display: 'summarized' })
  })

  it('takes a thinking budget of zero and answers', async () => {
    await process.set({ noThinking: true })
    expect(await process.turn('Without thinking')).toMatchObject({ subtype: 'success', is_error: false })
    console.log(JSON.stringify(stage.lastRequest.body.thinking))
  })

  it('asks the API about a model that it does not list', async () => {
    const before = stage.anthropic.requests.length
    await process.set({ model: 'claude-unlisted-9', noThinking: false })
    console.log(stage.anthropic.requests.slice(before).map((r) => JSON.stringify(r.body.messages)))
    expect(stage.anthropic.requests.length).toBeGreaterThan(before)
  })
})
