import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conversation, says, systemText } from '../../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { ask, askStream, contentOf, framesOf, gate, post, readAll, saysInTwo } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const usage = {
  input_tokens: 3,
  cache_read_input_tokens: 20,
  cache_creation_input_tokens: 100,
  output_tokens: 9,
  output_tokens_details: { thinking_tokens: 4 },
}

describe('a plain answer', () => {
  it("has the model's words, Claude's own token counts, its thinking, cost and session", async () => {
    server.anthropic.enqueue(says('Hello you.', { thinking: 'Who is this?', usage }))
    const { answer, headers } = await ask(server.client)
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-msg_/),
      object: 'chat.completion',
      model: server.anthropic.requests.at(-1)?.body.model,
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: {
            role: 'assistant',
            content: 'Hello you.',
            reasoning_content: 'Who is this?',
            refusal: null,
          },
        },
      ],
      usage: {
        prompt_tokens: 123,
        completion_tokens: 9,
        total_tokens: 132,
        prompt_tokens_details: { cached_tokens: 20 },
        completion_tokens_details: { reasoning_tokens: 4 },
      },
      claude: { session_id: expect.stringMatching(/^[\da-f-]{36}$/), turns: 1 },
    })
    expect(answer.claude?.cost_usd).toBeGreaterThan(0)
    expect(headers.get('x-claude-session-id')).toBe(answer.claude?.session_id)
    expect(Number(headers.get('x-claude-cost-usd'))).toBeCloseTo(answer.claude?.cost_usd ?? -1, 8)
    expect(headers.get('x-provider')).toBe('claude-code')
    expect(headers.get('x-request-id')).toBeTruthy()
  })

  it('has no reasoning_content when the model showed no thinking', async () => {
    const { answer } = await ask(server.client)
    expect(answer.choices[0]?.message).not.toHaveProperty('reasoning_content')
  })

  it('comes from the whole conversation, each message its own turn, the instructions apart', async () => {
    await ask(server.client, {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
        { role: 'user', content: 'One @/etc/hostname' },
        { role: 'assistant', content: 'Two' },
        { role: 'user', content: [{ type: 'text', text: '/cost' }] },
        { role: 'assistant', content: [{ type: 'text', text: 'Four' }] },
        { role: 'user', content: 'Five' },
      ],
    })
    const request = server.anthropic.requests.at(-1)
    if (!request) throw new Error('The model was not asked.')
    expect(conversation(request).map(({ role, content }) => [role, content[0]?.['text']])).toEqual([
      ['user', 'One @/etc/hostname'],
      ['assistant', 'Two'],
      ['user', '/cost'],
      ['assistant', 'Four'],
      ['user', 'Five'],
    ])
    expect(systemText(request)).toContain('Be brief.\n\nBe kind.')
  })

  it('has n choices from as many turns, their tokens added up', async () => {
    const asked = server.anthropic.requests.length
    server.anthropic.enqueue(says('Heads.', { usage }), says('Tails.', { usage }))
    const { answer } = await ask(server.client, { n: 2 })
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1])
    const texts = answer.choices.map(({ message }) => message.content ?? '')
    expect(texts.toSorted()).toEqual(['Heads.', 'Tails.'])
    expect(server.anthropic.requests.length - asked).toBe(2)
    expect(answer.usage).toMatchObject({ prompt_tokens: 246, completion_tokens: 18 })
  })
})

describe('a streamed answer', () => {
  it('reaches the client while the model still waits', async () => {
    const rest = gate()
    server.anthropic.enqueue(saysInTwo('First, ', rest.opened, 'then.'))
    const { chunks } = await askStream(server.client)
    const iterator = chunks[Symbol.asyncIterator]()
    let text = ''
    // The model says the second part only when the first one has been read here.
    while (text === '') text = contentOf((await iterator.next()).value)
    expect(text).toBe('First, ')
    rest.open()
    for (let step = await iterator.next(); !step.done; step = await iterator.next())
      text += contentOf(step.value)
    expect(text).toBe('First, then.')
  })

  it('is a role chunk, the content, a finish chunk and [DONE], without usage', async () => {
    server.anthropic.enqueue(says(['a', 'b']))
    const response = await post(server.url, {
      model: 'sonnet',
      stream: true,
      messages: [{ role: 'user', content: 'Hello' }],
    })
    const frames = framesOf(await response.text())
    expect(frames.pop()).toBe('[DONE]')
    const chunks = frames.map((frame): Record<string, unknown> => JSON.parse(frame))
    expect(chunks.map(({ choices }) => choices)).toMatchObject([
      [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
      [{ index: 0, delta: { content: 'a' }, finish_reason: null }],
      [{ index: 0, delta: { content: 'b' }, finish_reason: null }],
      [{ index: 0, delta: {}, finish_reason: 'stop' }],
    ])
    expect(chunks.filter((chunk) => 'usage' in chunk)).toEqual([])
    const same = chunks.map(({ id, model, created }) => JSON.stringify([id, model, created]))
    expect(new Set(same).size).toBe(1)
  })

  it('ends with a usage chunk when it is asked for, and shows thinking, session and cost', async () => {
    server.anthropic.enqueue(says('Yes.', { thinking: 'Hm.', usage }))
    const { chunks, headers } = await askStream(server.client, {
      stream_options: { include_usage: true },
    })
    const read = await readAll(chunks)
    const last = read.chunks.pop()
    expect(last).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 123, completion_tokens: 9, total_tokens: 132 },
    })
    expect(read.chunks.every((chunk) => chunk.usage === null)).toBe(true)
    expect(read.chunks.map(({ choices }) => choices[0]?.delta)).toMatchObject([
      { role: 'assistant' },
      { reasoning_content: 'Hm.' },
      { content: 'Yes.' },
      {},
    ])
    const { claude } = read.chunks.at(-1) ?? {}
    expect(claude?.session_id).toBe(headers.get('x-claude-session-id'))
    expect(claude?.cost_usd).toBeGreaterThan(0)
  })

  it('has n choices side by side, each with its role and its end', async () => {
    server.anthropic.enqueue(says('Heads.', { usage }), says('Tails.', { usage }))
    const { chunks } = await askStream(server.client, {
      n: 2,
      stream_options: { include_usage: true },
    })
    const read = await readAll(chunks)
    const texts: Record<number, string> = {}
    const marks: string[] = []
    for (const choice of read.chunks.flatMap(({ choices }) => choices)) {
      texts[choice.index] = (texts[choice.index] ?? '') + (choice.delta.content ?? '')
      if (choice.delta.role) marks.push(`begin ${choice.index}`)
      if (choice.finish_reason) marks.push(`${choice.finish_reason} ${choice.index}`)
    }
    expect(Object.values(texts).toSorted()).toEqual(['Heads.', 'Tails.'])
    expect(marks.toSorted()).toEqual(['begin 0', 'begin 1', 'stop 0', 'stop 1'])
    expect(read.chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 246, completion_tokens: 18 })
  })
})
