import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type OpenAI from 'openai'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, askStream, failure, readAll, saysAndHangs } from '../api/server/support.ts'
import { pdf, png } from '../attachments/pictures.ts'
import { cityTool } from '../functions/support.ts'
import { clientWith, makeKey } from '../keys/support.ts'
import { callsTools, conversation, fails, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { goOn, type Kept, messagesOf, pageOf } from './support.ts'

let server: TestServer
let path: string
beforeAll(async () => {
  server = await startTestServer({ API_KEY: 'dummy-key' })
  path = join(server.workspace, 'a.txt')
  await writeFile(path, 'The file’s own words.')
  await writeFile(join(server.workspace, 'p.png'), png(3, 2))
})
afterAll(() => server.close())

const picture = `data:image/png;base64,${png(3, 2).toString('base64')}`
const paper = `data:application/pdf;base64,${pdf.toString('base64')}`
const note = `data:text/plain;base64,${Buffer.from('A note.').toString('base64')}`
const tools = [cityTool('get_weather'), { type: 'custom' as const, custom: { name: 'write' } }]
const question = [
  { type: 'text' as const, text: 'What is it?' },
  { type: 'image_url' as const, image_url: { url: picture } },
  { type: 'file' as const, file: { filename: 'paper.pdf', file_data: paper } },
  { type: 'file' as const, file: { filename: 'note.txt', file_data: note } },
]

/** A message without what is its place in the session. */
function said({ id: _id, created_at: _time, ...message }: Kept): Record<string, unknown> {
  return message
}

/** Two files that are read at once are there in either order. */
function inOrder(messages: Record<string, unknown>[]): Record<string, unknown>[] {
  const place = messages.findIndex(({ tool_call_id: call }) => call === 'toolu_p')
  const [other, picture] = [messages[place + 1], messages[place]]
  if (other?.['tool_call_id'] !== 'toolu_r' || picture === undefined) return messages
  return messages.toSpliced(place, 2, other, picture)
}

async function begin(): Promise<string> {
  server.anthropic.enqueue(says('Noted.'))
  const { answer } = await ask(server.client)
  return answer.claude?.session_id ?? expect.fail('The answer has no session.')
}

describe('the messages of a session', { timeout: 60_000 }, () => {
  let id: string
  let kept: Kept[]
  beforeAll(async () => {
    const read = (id: string, name: string) => ({
      id,
      name: 'Read',
      input: { file_path: join(server.workspace, name) },
    })
    server.anthropic.enqueue(
      callsTools([{ ...read('toolu_r', 'a.txt'), text: 'Reading.' }, read('toolu_p', 'p.png')], {
        thinking: 'A file.',
      }),
      callsTools([
        { id: 'toolu_w', name: 'get_weather', input: { city: 'Rome' }, text: 'And outside?' },
        { id: 'toolu_c', name: 'write', input: { input: 'free text' } },
      ]),
      says('All known.'),
    )
    const options = { tools: ['Read'], working_dir: server.workspace }
    const first = await ask(server.client, {
      tools,
      messages: [{ role: 'user', content: question }],
      claude_options: options,
    })
    id = first.answer.claude?.session_id ?? expect.fail()
    await ask(server.client, {
      tools,
      messages: [
        first.answer.choices[0]?.message ?? expect.fail(),
        { role: 'tool', tool_call_id: 'toolu_w', content: 'sun' },
        { role: 'tool', tool_call_id: 'toolu_c', content: '' },
      ],
      claude_options: { ...options, session_id: id },
    })
    kept = await messagesOf(server, id)
  })

  it('are OpenAI’s: words, pictures, files, calls and results, of the caller’s tools and of those that ran here', () => {
    expect(inOrder(kept.map(said))).toEqual([
      { role: 'user', content: question },
      {
        role: 'assistant',
        content: 'Reading.',
        reasoning_content: 'A file.',
        tool_calls: [
          call('toolu_r', 'Read', { file_path: path }),
          call('toolu_p', 'Read', { file_path: join(server.workspace, 'p.png') }),
        ],
      },
      { role: 'tool', tool_call_id: 'toolu_r', content: expect.stringContaining('own words.') },
      {
        role: 'tool',
        tool_call_id: 'toolu_p',
        content: [{ type: 'image_url', image_url: { url: picture } }],
      },
      {
        role: 'assistant',
        content: 'And outside?',
        tool_calls: [
          call('toolu_w', 'get_weather', { city: 'Rome' }),
          { id: 'toolu_c', type: 'custom', custom: { name: 'write', input: 'free text' } },
        ],
      },
      { role: 'tool', tool_call_id: 'toolu_w', content: 'sun' },
      { role: 'tool', tool_call_id: 'toolu_c', content: '' },
      { role: 'assistant', content: 'All known.' },
    ])
    const now = Date.now() / 1000
    for (const { created_at } of kept) expect(Math.abs(now - created_at)).toBeLessThan(60)
  })

  it('have ids of their own, which stay', async () => {
    const ids = kept.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect((await messagesOf(server, id)).map(({ id }) => id)).toEqual(ids)
  })

  it('come page by page, in either order', async () => {
    const ids = kept.map(({ id }) => id)
    const first = await pageOf(server, id, { limit: 3 })
    expect(first).toMatchObject({ object: 'list', has_more: true, first_id: ids[0] })
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 3))
    const rest = await pageOf(server, id, { after: first.last_id })
    expect(rest.data.map(({ id }) => id)).toEqual(ids.slice(3))
    expect(rest.has_more).toBe(false)
    const last = await pageOf(server, id, { limit: 2, order: 'desc' })
    expect(last.data.map(({ id }) => id)).toEqual(ids.toReversed().slice(0, 2))
    const before = await pageOf(server, id, { after: last.last_id, order: 'desc' })
    expect(before.data.map(({ id }) => id)).toEqual(ids.toReversed().slice(2))
  })

  it('can be sent as the messages of a request', async () => {
    server.anthropic.enqueue(says('As before.'))
    const messages = [...kept, { role: 'user' as const, content: 'And?' }]
    const { text } = await ask(server.client, {
      tools,
      messages: messages as ChatCompletionMessageParam[],
    })
    expect(text).toBe('As before.')
    const request = server.anthropic.requests.at(-1) ?? expect.fail()
    expect(conversation(request).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
    ])
  })

  it('are nobody else’s', async () => {
    const { text } = await makeKey(server)
    const asking = clientWith(server, text).get(`/sessions/${id}/messages`)
    expect(await failure(asking)).toMatchObject({ status: 404, code: 'session_not_found' })
  })

  it.each([
    ['limit', { limit: 0 }],
    ['order', { order: 'newest' }],
    ['after', { after: 'none' }],
  ])('refuse a wrong %s', async (param, query) => {
    const refusal = await failure(pageOf(server, id, query))
    expect(refusal).toMatchObject({ status: 400, code: 'invalid_value', param })
  })
})

describe('what Claude Code writes down beside what was said', { timeout: 60_000 }, () => {
  it('is not shown: a failure and an interruption', async () => {
    const id = await begin()
    server.anthropic.enqueue(fails(500, 'api_error', 'Broken'))
    await failure(goOn(server, id, 'Will it fail?'))
    server.anthropic.enqueue(saysAndHangs('Let ', 'me '))
    const { chunks, controller } = await askStream(server.client, {
      messages: [{ role: 'user', content: 'Stopped?' }],
      claude_options: { session_id: id },
    })
    const reading = readAll(chunks)
    controller.abort()
    await reading
    server.anthropic.enqueue(says('After.'))
    await goOn(server, id, 'Then?')
    const shown = (await messagesOf(server, id)).map(
      ({ role, content }) => `${role}: ${String(content)}`,
    )
    expect(shown.filter((text) => !text.startsWith('assistant: Let'))).toEqual([
      'user: Hello',
      'assistant: Noted.',
      'user: Will it fail?',
      'user: Stopped?',
      'user: Then?',
      'assistant: After.',
    ])
  })

  it('is not shown: how a structured answer is handed over', async () => {
    const { text } = await makeKey(server)
    const client: OpenAI = clientWith(server, text)
    server.anthropic.enqueue(
      callsTools([{ name: 'StructuredOutput', input: { city: 7 }, text: 'Here:' }]),
      callsTools([{ name: 'StructuredOutput', input: { city: 'Rome' }, text: 'So:' }]),
    )
    const schema = { type: 'object', properties: { city: { type: 'string' } } }
    const { answer } = await ask(client, {
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
    })
    const { data } = await pageOf({ client }, answer.claude?.session_id)
    expect(data.at(-1)).toMatchObject({ role: 'assistant', content: '{"city":"Rome"}' })
    expect(JSON.stringify(data)).not.toContain('StructuredOutput')
  })

  it('is not shown: a summary, and what it sums up is', async () => {
    const options = { tools: ['Read'], working_dir: server.workspace }
    server.anthropic.enqueue(says('One.'))
    const { answer } = await ask(server.client, { claude_options: options })
    const claude_options = { ...options, session_id: answer.claude?.session_id }
    server.anthropic.enqueue(
      says('Two.', { usage: { input_tokens: 999_000 } }),
      says('<summary>A summary.</summary>'),
      says('Three.'),
    )
    for (const content of ['More?', 'Even more?'])
      await ask(server.client, { messages: [{ role: 'user', content }], claude_options })
    expect(JSON.stringify(server.anthropic.requests.at(-1)?.body)).toContain('A summary.')
    const kept = await messagesOf(server, claude_options.session_id)
    expect(kept.map(({ content }) => content)).toEqual([
      'Hello',
      'One.',
      'More?',
      'Two.',
      'Even more?',
      'Three.',
    ])
  })
})

function call(id: string, name: string, input: unknown) {
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input) } }
}
