import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { APIError } from 'openai'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  callsTools,
  type RecordedRequest,
  says,
  silent,
  stallsAfter,
  systemText,
} from '../../scripted-anthropic/server.ts'
import { offered, stage, textOf, toolResults } from './support.ts'

const shared = stage()

let notes: string
beforeAll(async () => {
  notes = join(shared.server.workspace, 'notes.txt')
  await writeFile(notes, 'words of the notes')
})
const readsNotes = (usage = {}) =>
  callsTools([{ name: 'Read', input: { file_path: notes }, text: 'Let me see.' }], { usage })
const reading = () => ({ tools: ['Read'], working_dir: shared.server.workspace })
const system = (content: string) => ({ role: 'system' as const, content })
const user = (content: string) => ({ role: 'user' as const, content })

describe('model', () => {
  it("wins over the request's model", async () => {
    const plain = await shared.ask({}, { model: 'sonnet' })
    expect(shared.request.body.model).toContain('sonnet')
    expect(plain.model).toContain('sonnet')
    const answer = await shared.ask({ model: 'haiku' }, { model: 'sonnet' })
    expect(shared.request.body.model).toContain('haiku')
    expect(answer.model).toContain('haiku')
  })

  it('wins over a model that nobody knows', async () => {
    await shared.ask({ model: 'haiku' }, { model: 'no-such-model' })
    expect(shared.request.body.model).toContain('haiku')
  })

  it('takes full names and the names of OpenAI', async () => {
    await shared.ask({ model: 'claude-sonnet-4-20250514' })
    expect(shared.request.body.model).toBe('claude-sonnet-4-20250514')
    await shared.ask({ model: 'gpt-4o-mini' })
    expect(shared.request.body.model).toContain('haiku')
  })

  it('that nobody knows is a 404 with the names that there are', async () => {
    const refusal = await shared.refused({ model: 'no-such-model' }, { model: 'sonnet' })
    expect(refusal).toMatchObject({ status: 404, code: 'model_not_found' })
    expect(refusal.message).toMatch(/no-such-model.*sonnet.*haiku/)
    expect(shared.requests).toEqual([])
  })
})

const effortOf = () => shared.request.body.output_config?.effort

describe('effort', () => {
  it.each([
    ['low', 'low'],
    ['high', 'high'],
    ['max', 'max'],
    ['minimal', 'low'],
  ])('%s reaches the model as %s', async (effort, sent) => {
    await shared.ask({ effort }, { model: 'opus' })
    expect(effortOf()).toBe(sent)
  })

  it('wins over reasoning_effort', async () => {
    await shared.ask({}, { model: 'opus', reasoning_effort: 'high' })
    expect(effortOf()).toBe('high')
    await shared.ask({ effort: 'low' }, { model: 'opus', reasoning_effort: 'high' })
    expect(effortOf()).toBe('low')
  })

  it('none turns thinking off where the model allows it', async () => {
    await shared.ask({}, { model: 'claude-haiku-4-5' })
    expect(shared.request.body.thinking).toMatchObject({ type: 'enabled' })
    await shared.ask({ effort: 'none' }, { model: 'claude-haiku-4-5' })
    expect(shared.request.body.thinking).toEqual({ type: 'disabled' })
  })
})

describe('append_system_prompt', () => {
  it('is the system prompt when there is no other', async () => {
    await shared.ask({ append_system_prompt: 'Answer briefly.' })
    expect(systemText(shared.request)).toBe('Answer briefly.')
  })

  it("comes after the client's system messages", async () => {
    const messages = [
      system('Speak French.'),
      { role: 'developer' as const, content: 'Be kind.' },
      user('Go.'),
    ]
    await shared.ask({ append_system_prompt: 'Answer briefly.' }, { messages })
    expect(systemText(shared.request)).toBe('Speak French.\n\nBe kind.\n\nAnswer briefly.')
  })

  it("comes at the end of Claude Code's own prompt", async () => {
    const messages = [system('Speak French.'), user('Go.')]
    await shared.ask({ ...reading(), append_system_prompt: 'Answer briefly.' }, { messages })
    const text = systemText(shared.request)
    expect(text.endsWith('Speak French.\n\nAnswer briefly.')).toBe(true)
    expect(text.length).toBeGreaterThan(1_000)
  })
})

describe('the system message', () => {
  const messages = [system('Speak French.'), user('Go.')]

  it('alone is the system prompt without built-in tools', async () => {
    await shared.ask({}, { messages })
    expect(systemText(shared.request)).toBe('Speak French.')
  })

  it('leaves the system prompt empty when it is absent', async () => {
    await shared.ask({})
    expect(systemText(shared.request)).toBe('')
  })

  it("is added to the end of Claude Code's own prompt with built-in tools", async () => {
    await shared.ask(reading())
    const own = systemText(shared.request)
    expect(own).toMatch(/tool/i)
    expect(own.length).toBeGreaterThan(1_000)
    await shared.ask(reading(), { messages })
    expect(systemText(shared.request)).toBe(`${own}\n\nSpeak French.`)
  })
})

describe('max_turns', () => {
  it('ends the answer with finish_reason length', async () => {
    shared.anthropic.enqueue(readsNotes())
    const answer = await shared.ask({ ...reading(), max_turns: 1 })
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { content: 'Let me see.' },
    })
    expect(shared.requests).toHaveLength(1)
  })

  it('leaves an answer that ends sooner alone', async () => {
    shared.anthropic.enqueue(readsNotes(), says('I have read it.'))
    const answer = await shared.ask({ ...reading(), max_turns: 2 })
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    expect(answer.claude.turns).toBe(2)
  })

  it('ends a stream with finish_reason length too', async () => {
    shared.anthropic.enqueue(readsNotes())
    const chunks = await shared.stream({ ...reading(), max_turns: 1 })
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length')
  })
})

describe('max_budget_usd', () => {
  // More would be taken for a conversation that is too long.
  const costly = { output_tokens: 5_000 }

  it('ends the answer with finish_reason length when it is spent', async () => {
    shared.anthropic.enqueue(readsNotes(costly))
    const answer = await shared.ask({ ...reading(), max_budget_usd: 0.01 })
    expect(answer.choices[0]?.finish_reason).toBe('length')
    expect(answer.claude.cost_usd).toBeGreaterThan(0.01)
    expect(shared.requests).toHaveLength(1)
  })

  it('leaves an answer that costs less alone', async () => {
    shared.anthropic.enqueue(readsNotes(costly), says('I have read it.'))
    const answer = await shared.ask({ ...reading(), max_budget_usd: 1_000 })
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    expect(textOf(answer)).toContain('I have read it.')
  })
})

describe('agents', () => {
  const reviewer = {
    description: 'Reviews code for mistakes.',
    prompt: 'You review code like a heron.',
    tools: ['Read', 'Write'],
  }
  const isReviewer = (request: RecordedRequest) => systemText(request).includes(reviewer.prompt)
  const options = () => ({
    tools: ['Agent', 'Read'],
    working_dir: shared.server.workspace,
    agents: { reviewer },
    include_activity: true,
  })

  /** The model starts the subagent, which reads a file. */
  function delegates(): void {
    const input = { subagent_type: 'reviewer', prompt: 'Review the notes.', description: 'review' }
    let started = false
    let read = false
    shared.anthropic.respond = (request) => {
      if (isReviewer(request)) {
        if (read) return says('The notes are fine.')
        read = true
        return callsTools([{ id: 'toolu_inner', name: 'Read', input: { file_path: notes } }])
      }
      if (started) return says('Reviewed.')
      started = true
      return callsTools([{ id: 'toolu_agent', name: 'Agent', input }])
    }
  }

  it('run with their own prompt, and their words come back to the model', async () => {
    delegates()
    const answer = await shared.ask(options())
    expect(textOf(answer)).toBe('Reviewed.')
    const inner = shared.requests.filter(isReviewer)
    expect(JSON.stringify(inner[0]?.body.messages)).toContain('Review the notes.')
    expect(inner.map((request) => toolResults(request).length)).toEqual([0, 1])
    expect(toolResults(shared.request)[0]?.text).toContain('The notes are fine.')
  })

  it('get no tool that the request does not have', async () => {
    delegates()
    await shared.ask(options())
    const inner = shared.requests.find(isReviewer)
    expect(inner && offered(inner)).toEqual(['Read'])
  })

  it("show their tools' uses with the use that started them", async () => {
    delegates()
    const { claude } = await shared.ask(options())
    expect(claude.activity).toContainEqual(
      expect.objectContaining({ id: 'toolu_inner', name: 'Read', parent_id: 'toolu_agent' }),
    )
  })

  it('are known to the model only when the request brings them', async () => {
    await shared.ask({ tools: ['Agent'], working_dir: shared.server.workspace })
    expect(JSON.stringify(shared.request.body)).not.toContain(reviewer.description)
    await shared.ask(options())
    expect(JSON.stringify(shared.request.body)).toContain(reviewer.description)
  })
})

describe('timeout_seconds', () => {
  it('is a 504 turn_timeout when the model is silent', async () => {
    shared.anthropic.respond = () => silent()
    const started = performance.now()
    const refusal = await shared.refused({ timeout_seconds: 1.5 })
    expect(refusal).toMatchObject({ status: 504, code: 'turn_timeout' })
    expect(performance.now() - started).toBeGreaterThan(1_400)
  })

  it('ends a stream that has begun with an error', async () => {
    shared.anthropic.respond = () => stallsAfter('It begins ')
    const outcome = await shared.stream({ timeout_seconds: 2.5 }).catch((error: unknown) => error)
    expect(outcome).toBeInstanceOf(APIError)
    expect(outcome).toMatchObject({ code: 'turn_timeout' })
  })

  it('leaves an answer in time alone', async () => {
    expect(textOf(await shared.ask({ timeout_seconds: 60 }))).toBe('Hello from the scripted model.')
  })
})
