import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conversation, type RecordedRequest, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

type Asked = { session: string; request: RecordedRequest; pids: number[] }

/** One question without a history: its session, what the model got, and the processes that there are after it. */
async function ask(server: TestServer, question: string, more: object = {}): Promise<Asked> {
  server.anthropic.enqueue(says(`To ${question}.`))
  const answer = await server.client.chat.completions.create({
    model: 'sonnet',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: question },
    ],
    ...more,
  })
  expect(answer.choices[0]?.message.content).toBe(`To ${question}.`)
  const { claude } = answer as typeof answer & { claude: { session_id: string } }
  const request = server.anthropic.requests.at(-1) ?? expect.fail()
  const pids = (await server.processes()).map(({ pid }) => pid)
  return { session: claude.session_id, request, pids }
}

async function askAll(server: TestServer, count: number, more: object = {}): Promise<Asked[]> {
  const asked: Asked[] = []
  for (let index = 0; index < count; index++)
    asked.push(await ask(server, `question ${index}`, more))
  return asked
}

function isOnlyQuestion({ request }: Asked, index: number): void {
  expect(conversation(request)).toEqual([
    { role: 'user', content: [{ type: 'text', text: `question ${index}` }] },
  ])
}

describe('PROCESS_REUSE=always', () => {
  let server: TestServer
  let asked: Asked[]

  beforeAll(async () => {
    server = await startTestServer({ WAITING_PROCESSES: '0' })
    asked = await askAll(server, 12)
  })
  afterAll(() => server.close())

  it('answers many conversations with few processes, each in a session of its own', () => {
    expect(new Set(asked.map(({ session }) => session)).size).toBe(12)
    expect(new Set(asked.flatMap(({ pids }) => pids)).size).toBeLessThan(6)
  })

  it('shows the model nothing of another conversation', () => {
    for (const [index, one] of asked.entries()) isOnlyQuestion(one, index)
  })

  it('leaves each session as it was: it can be resumed', async () => {
    const [, , { session } = expect.fail()] = asked
    server.anthropic.enqueue(says('More.'))
    await server.client.chat.completions.create({
      model: 'sonnet',
      messages: [{ role: 'user', content: 'Go on' }],
      // @ts-expect-error: an extension of this server's
      claude_options: { session_id: session },
    })
    const texts = conversation(server.anthropic.requests.at(-1) ?? expect.fail()).flatMap(
      ({ content }) => content.map(({ text }) => text),
    )
    expect(texts).toEqual(['question 2', 'To question 2.', 'Go on'])
  })

  it('does not take a process that writes no debug log for a request that wants one', async () => {
    server.anthropic.enqueue(says('Logged.'))
    const answer = await server.client.chat.completions.create({
      model: 'sonnet',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Log it' },
      ],
      // @ts-expect-error: an extension of this server's
      claude_options: { debug: true },
    })
    const { claude } = answer as typeof answer & { claude: { debug_log: string } }
    expect(await readFile(claude.debug_log, 'utf8')).not.toBe('')
  })

  it('does not take a process across instructions', async () => {
    const other = { messages: [{ role: 'user', content: 'question 0' }] }
    const { request } = await ask(server, 'question 0', other)
    expect(JSON.stringify(request.body.system)).not.toContain('Be brief.')
  })

  it('feeds a history to an emptied process', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One' },
      { role: 'assistant', content: 'Two' },
      { role: 'user', content: 'Three' },
    ]
    const before = (await server.processes()).map(({ pid }) => pid)
    const { request, pids } = await ask(server, 'history', { messages })
    expect(conversation(request).map(({ content }) => content[0]?.['text'])).toEqual([
      'One',
      'Two',
      'Three',
    ])
    expect(before).toEqual(expect.arrayContaining(pids))
  })
})

describe('a process', () => {
  it('has at most so many conversations as the owner allows', async () => {
    await using server = await startTestServer({
      WAITING_PROCESSES: '0',
      LIVE_CONVERSATIONS: '1',
      PROCESS_REUSE_LIMIT: '2',
    })
    const asked = await askAll(server, 6)
    for (const [index, one] of asked.entries()) isOnlyQuestion(one, index)
    expect(new Set(asked.flatMap(({ pids }) => pids)).size).toBeGreaterThanOrEqual(3)
  })

  it('never begins another conversation with PROCESS_REUSE=never', async () => {
    await using server = await startTestServer({
      WAITING_PROCESSES: '0',
      LIVE_CONVERSATIONS: '1',
      PROCESS_REUSE: 'never',
    })
    const asked = await askAll(server, 3)
    expect(new Set(asked.flatMap(({ pids }) => pids)).size).toBe(3)
  })

  it('does so only for flex requests with PROCESS_REUSE=batch', async () => {
    await using server = await startTestServer({
      WAITING_PROCESSES: '0',
      LIVE_CONVERSATIONS: '1',
      PROCESS_REUSE: 'batch',
    })
    const plain = await askAll(server, 2)
    expect(new Set(plain.flatMap(({ pids }) => pids)).size).toBe(2)
    const flex = await askAll(server, 3, { service_tier: 'flex' })
    expect(new Set(flex.flatMap(({ pids }) => pids)).size).toBe(1)
  })

  it('never begins another one after tools were offered', async () => {
    await using server = await startTestServer({
      WAITING_PROCESSES: '0',
      LIVE_CONVERSATIONS: '1',
    })
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
    const asked = await askAll(server, 3, { tools })
    expect(new Set(asked.flatMap(({ pids }) => pids)).size).toBe(3)
  })

  it('is replaced when it was killed before it begins another one', async () => {
    await using server = await startTestServer({ WAITING_PROCESSES: '0' })
    await askAll(server, 6)
    for (const { pid } of await server.processes()) process.kill(pid, 'SIGKILL')
    isOnlyQuestion(await ask(server, 'question 9'), 9)
  })
})
