import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, failure } from '../api/server/support.ts'
import { cityTool } from '../functions/support.ts'
import { clientWith, makeKey } from '../keys/support.ts'
import {
  callsTools,
  conversation,
  says,
  startScriptedAnthropic,
} from '../scripted-anthropic/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { goOn, messagesOf, said } from './support.ts'

type Session = { id: string; title: string | null; turns: number; [field: string]: unknown }

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ API_KEY: 'dummy-key' })
  await writeFile(join(server.workspace, 'a.txt'), 'The file’s own words.')
})
afterAll(() => server.close())

/** A session of two questions and answers. */
async function begin(on: TestServer = server): Promise<string> {
  on.anthropic.enqueue(says('One.'), says('Two.'))
  const { answer } = await ask(on.client)
  const id = answer.claude?.session_id ?? expect.fail('The answer has no session.')
  await goOn(on, id, 'More?')
  return id
}

async function fork(id: string, body: object = {}, on: TestServer = server): Promise<Session> {
  return (await on.client.post(`/sessions/${id}/fork`, { body })) as Session
}

async function show(id: string): Promise<Session> {
  return (await server.client.get(`/sessions/${id}`)) as Session
}

async function wordsOf(id: string): Promise<unknown[]> {
  return (await messagesOf(server, id)).map(({ content }) => content)
}

const whole = ['Hello', 'One.', 'More?', 'Two.']

describe('a fork of a session', { timeout: 60_000 }, () => {
  it('is a session of its own, which goes on from there; the other one stays as it was', async () => {
    const id = await begin()
    await server.client.patch(`/sessions/${id}`, {
      body: { title: 'The parser', metadata: { ticket: '7' } },
    })
    const before = await show(id)
    const forked = await fork(id)
    expect(forked).toMatchObject({
      object: 'session',
      title: 'The parser (fork)',
      metadata: { ticket: '7' },
      turns: 2,
      working_dir: before['working_dir'],
      model: before['model'],
    })
    expect(forked.id).not.toBe(id)
    expect(await wordsOf(forked.id)).toEqual(whole)
    server.anthropic.enqueue(says('Another way.'), says('The same way.'))
    await goOn(server, forked.id, 'And so?')
    expect(said(server.anthropic)).toEqual([
      'user: Hello',
      'assistant: One.',
      'user: More?',
      'assistant: Two.',
      'user: And so?',
    ])
    expect(await show(id)).toEqual(before)
    expect(await wordsOf(id)).toEqual(whole)
    await goOn(server, id, 'And thus?')
    expect(said(server.anthropic).at(-1)).toBe('user: And thus?')
    expect(await wordsOf(id)).toEqual([...whole, 'And thus?', 'The same way.'])
    expect(await wordsOf(forked.id)).toEqual([...whole, 'And so?', 'Another way.'])
    expect(await server.client.get('/sessions')).toMatchObject({
      data: [{ id: forked.id }, { id }],
    })
  })

  it('takes a title and metadata, and ends with the message that is named', async () => {
    const id = await begin()
    const kept = await messagesOf(server, id)
    const body = { title: 'Again', metadata: { try: '2' } }
    const forked = await fork(id, { ...body, up_to_message_id: kept[1]?.id })
    expect(forked).toMatchObject({ ...body, turns: 1 })
    expect(await wordsOf(forked.id)).toEqual(['Hello', 'One.'])
    server.anthropic.enqueue(says('Another.'))
    await goOn(server, forked.id, 'Less?')
    expect(said(server.anthropic)).toEqual(['user: Hello', 'assistant: One.', 'user: Less?'])
    expect((await fork(id, { title: null })).title).toBeNull()
  })

  it('waits for the results that the other one waits for, all of it or a part', async () => {
    const tools = [cityTool('get_weather'), cityTool('get_time')]
    const options = { tools: ['Read'], working_dir: server.workspace }
    const read = { file_path: join(server.workspace, 'a.txt') }
    server.anthropic.enqueue(
      callsTools([
        { id: 'toolu_w', name: 'get_weather', input: { city: 'Rome' } },
        { id: 'toolu_r', name: 'Read', input: read },
        { id: 'toolu_t', name: 'get_time', input: { city: 'Oslo' } },
      ]),
      says('Sunny.'),
    )
    const first = await ask(server.client, { tools, claude_options: options })
    const id = first.answer.claude?.session_id ?? expect.fail()
    const results = [
      first.answer.choices[0]?.message ?? expect.fail(),
      { role: 'tool' as const, tool_call_id: 'toolu_w', content: 'sun' },
      { role: 'tool' as const, tool_call_id: 'toolu_t', content: 'noon' },
    ]
    const goOnWith = (session_id: string) =>
      ask(server.client, { tools, messages: results, claude_options: { ...options, session_id } })
    const forked = await fork(id)
    await goOnWith(id)
    const calls = (await messagesOf(server, id)).find((message) => 'tool_calls' in message)
    const parted = await fork(id, { up_to_message_id: calls?.id })
    for (const one of [forked.id, parted.id]) {
      const refusal = await failure(goOn(server, one))
      expect(refusal).toMatchObject({ status: 400, param: 'messages' })
      expect(refusal.message).toContain('toolu_w, toolu_t')
      server.anthropic.enqueue(says('Bright.'))
      expect((await goOnWith(one)).text).toBe('Bright.')
      const request = server.anthropic.requests.at(-1) ?? expect.fail()
      const last = JSON.stringify(conversation(request).at(-1))
      for (const word of ['own words', 'sun', 'noon']) expect(last).toContain(word)
      expect(await wordsOf(one)).toContain('Bright.')
    }
    expect(await wordsOf(id)).toContain('Sunny.')
  })

  it('does not need the other one, and is gone on with after a restart', async () => {
    await using folder = await temporaryFolder()
    await using anthropic = await startScriptedAnthropic()
    const workspace = join(folder.path, 'workspace')
    await mkdir(workspace)
    const settings = { DATA_DIR: join(folder.path, 'data'), WORKSPACE_ROOTS: workspace }
    const first = await startTestServer(settings, anthropic)
    const id = await begin(first)
    const forked = await fork(id, {}, first)
    await first.client.delete(`/sessions/${id}`)
    await first.close()
    await using second = await startTestServer(settings, anthropic)
    anthropic.enqueue(says('As before.'))
    await goOn(second, forked.id, 'And now?')
    expect(said(anthropic)).toHaveLength(5)
  })

  it('is refused for a session of another key', async () => {
    const id = await begin()
    const { text } = await makeKey(server)
    const asking = clientWith(server, text).post(`/sessions/${id}/fork`, { body: {} })
    expect(await failure(asking)).toMatchObject({ status: 404, code: 'session_not_found' })
  })

  it.each([
    ['up_to_message_id', { up_to_message_id: 'none' }],
    ['title', { title: 7 }],
    ['metadata.a', { metadata: { a: 1 } }],
  ])('is refused for a wrong %s', async (param, body) => {
    const id = await begin()
    expect(await failure(fork(id, body))).toMatchObject({
      status: 400,
      code: 'invalid_value',
      param,
    })
  })
})
