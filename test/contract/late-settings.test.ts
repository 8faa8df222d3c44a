import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Introduction } from '../../src/engine/processes/claude-process.ts'
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
    await process.turn('Hello')
    plain = stage.lastRequest
    await using other = await stage.start()
    const before = stage.anthropic.requests.length
    await other.set({ model: 'sonnet', effort: 'high', maxOutputTokens: 77, noThinking: false })
    requestsOfSetting = stage.anthropic.requests.length - before
    await other.turn('Hello')
    changed = stage.lastRequest
  })
  afterAll(() => process[Symbol.asyncDispose]())

  it('lists the models that the CLI knows, with their full names', () => {
    const names = introduction.models.map(({ value }) => value)
    expect(names).toEqual(expect.arrayContaining(['default', 'sonnet', 'haiku']))
    for (const { resolvedModel } of introduction.models) expect(resolvedModel).toMatch(/^claude-/)
  })

  it('changes to a listed model without asking the API', () => {
    expect(requestsOfSetting).toBe(0)
    expect(plain.body.model).not.toMatch(/sonnet/)
    expect(changed.body.model).toMatch(/^claude-sonnet-/)
  })

  it('has nothing in the conversation of what was set before the first message', () => {
    expect(conversation(changed)).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
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
    expect(changed.body.thinking).toEqual({ type: 'adaptive', display: 'summarized' })
  })

  it('takes a thinking budget of zero, which leaves the models that think adaptively thinking', async () => {
    await process.set({ noThinking: true })
    const result = await process.turn('Without thinking')
    expect(result).toMatchObject({ subtype: 'success', is_error: false })
    expect(stage.lastRequest.body.thinking).toEqual({ type: 'adaptive', display: 'updates' })
  })

  it('notes a change of model in a conversation that has begun, which is why all is set before', async () => {
    await process.set({ model: 'haiku', noThinking: false })
    await process.turn('With another model')
    expect(conversation(stage.lastRequest).at(-1)?.content.length).toBeGreaterThan(1)
  })

  it('asks the API about a model that it does not list, which is why such a one is set at the start', async () => {
    const before = stage.anthropic.requests.length
    await process.set({ model: 'claude-unlisted-9', noThinking: false })
    expect(stage.anthropic.requests.length).toBe(before + 1)
    expect(stage.lastRequest.body.model).toBe('claude-unlisted-9')
  })
})
