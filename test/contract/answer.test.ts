import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { says, stalls, stopsWith } from '../scripted-anthropic/server.ts'
import { Stage, type TestProcess } from './support.ts'

const stage = await Stage.open()
let process: TestProcess
beforeAll(async () => {
  process = await stage.start()
})
afterAll(async () => {
  await process[Symbol.asyncDispose]()
  await stage.close()
})

describe('an answer', () => {
  it('comes piece by piece as the API sends it', async () => {
    stage.anthropic.enqueue(says(['One ', 'two ', 'three.'], { delayMs: 300 }))
    process.ask([{ type: 'text', text: 'Count' }])
    const arrivals: { text: string; at: number }[] = []
    for (;;) {
      const message = await process.next()
      if (message.type === 'result') break
      if (message.type !== 'stream_event' || message.event.type !== 'content_block_delta') continue
      const { delta } = message.event
      if (delta.type === 'text_delta') arrivals.push({ text: delta.text, at: performance.now() })
    }
    expect(arrivals.map(({ text }) => text)).toEqual(['One ', 'two ', 'three.'])
    expect((arrivals[1]?.at ?? 0) - (arrivals[0]?.at ?? 0)).toBeGreaterThan(100)
    expect((arrivals[2]?.at ?? 0) - (arrivals[1]?.at ?? 0)).toBeGreaterThan(100)
  })

  it('has its thinking as deltas, with thinking asked for as a summary', async () => {
    stage.anthropic.enqueue(says('Done.', { thinking: 'Let me see.' }))
    const answer = await process.answered('Think')
    expect(stage.lastRequest.body.thinking).toEqual({ type: 'adaptive', display: 'summarized' })
    expect(answer).toMatchObject({ reasoning: 'Let me see.', text: 'Done.' })
  })

  it('has the usage that the API told, cache and thinking apart', async () => {
    const usage = {
      input_tokens: 11,
      cache_creation_input_tokens: 13,
      cache_read_input_tokens: 17,
      output_tokens: 19,
      output_tokens_details: { thinking_tokens: 5 },
    }
    stage.anthropic.enqueue(says('Counted.', { usage }))
    const answer = await process.answered('Count')
    const result = process.messages.at(-1)
    expect(result).toMatchObject({ type: 'result', subtype: 'success', usage })
    expect(answer.usage).toEqual({
      inputTokens: 11,
      cacheCreationTokens: 13,
      cacheReadTokens: 17,
      outputTokens: 19,
      reasoningTokens: 5,
    })
  })

  it('names the model of the API and the session that can be resumed', async () => {
    stage.anthropic.enqueue(says('Me.', { model: 'claude-of-the-api' }))
    const answer = await process.answered('Who?')
    expect(answer.model).toBe('claude-of-the-api')
    expect(answer.claude?.sessionId).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/)
  })

  it('has model_usage_since_last_result for the turn alone, while total_cost_usd runs on', async () => {
    const results = [await process.turn('One'), await process.turn('Two')]
    const [first, second] = results.map((result) => ({
      own: Reflect.get(result, 'model_usage_since_last_result'),
      total: result.total_cost_usd,
    }))
    const own = { inputTokens: 10, outputTokens: 7, costUSD: expect.any(Number) }
    expect(Object.values(first?.own)).toEqual([expect.objectContaining(own)])
    expect(second?.own).toEqual(first?.own)
    expect(second?.total).toBeGreaterThan(first?.total ?? 0)
  })
})

describe('the token limit of the API (stop reason max_tokens)', () => {
  it('ends the answer as length with endAtTokenLimit, and stops the request with which Claude Code goes on', async () => {
    const before = stage.anthropic.requests.length
    // Claude Code goes on at once; whether the interrupt or its next request is first, nobody can say.
    stage.anthropic.respond = () => stalls()
    stage.anthropic.enqueue(stopsWith('max_tokens', 'Cut he'))
    const limits = { maxOutputTokens: 5, stopSequences: [] }
    const answer = await process.answered('Write', { options: { agentic: true }, turn: { limits } })
    const end = Date.now()
    expect(answer).toMatchObject({ text: 'Cut he', reason: 'length' })
    expect(answer.usage.outputTokens).toBeGreaterThanOrEqual(7)
    const [, next, ...others] = stage.anthropic.requests.slice(before)
    expect(others).toEqual([])
    if (next) {
      await expect.poll(() => next.closedAt).toBeDefined()
      expect((next.closedAt ?? Infinity) - end).toBeLessThan(1_000)
    }
  })

  it('makes Claude Code go on by itself without it', async () => {
    const before = stage.anthropic.requests.length
    stage.anthropic.enqueue(stopsWith('max_tokens', 'Cut he'), says('re and finished.'))
    const answer = await process.answered('Write', { options: { agentic: true } })
    expect(answer.reason).toBe('stop')
    expect(answer.text).toBe('Cut he\n\nre and finished.')
    expect(stage.anthropic.requests.length).toBe(before + 2)
  })
})
