import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startBuiltServer } from '../api/server/built-server.ts'
import { after, ask, askStream, failure, gate } from '../api/server/support.ts'
import {
  callsTools,
  says,
  stallsAfter,
  startScriptedAnthropic,
} from '../scripted-anthropic/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { postgresPrograms, startTestPostgres } from '../support/postgres.ts'
import { startTestServer } from '../support/server.ts'
import { goOn, said } from './support.ts'

/** The transcripts that Claude Code's folder has now, those of agents among them. */
async function filesIn(configDir: string): Promise<string[]> {
  const found = await readdir(join(configDir, 'projects'), { recursive: true }).catch(() => [])
  return found.filter((name) => name.endsWith('.jsonl'))
}

/** A process takes its time to end on a busy machine. */
const patient = { timeout: 20_000 }

const notKept = { LIVE_CONVERSATIONS: '0' }

describe('what a chat leaves behind', { timeout: 60_000 }, () => {
  it('is in the storage, and nothing in Claude Code’s folder when its process has ended', async () => {
    await using server = await startTestServer(notKept)
    server.anthropic.enqueue(says('Noted.'))
    const { answer } = await ask(server.client)
    await expect.poll(() => filesIn(server.configDir), patient).toEqual([])
    server.anthropic.enqueue(says('As before.'))
    await goOn(server, answer.claude?.session_id)
    expect(said(server.anthropic)).toEqual(['user: Hello', 'assistant: Noted.', 'user: And now?'])
    await expect.poll(() => filesIn(server.configDir), patient).toEqual([])
    const notes = join(server.dataDir, 'transcripts')
    await expect.poll(() => readdir(notes), patient).toEqual([])
  })

  it('goes on with another folder of Claude Code’s after a restart', async () => {
    await using folder = await temporaryFolder()
    await using anthropic = await startScriptedAnthropic()
    const DATA_DIR = join(folder.path, 'data')
    const first = await startTestServer({ DATA_DIR }, anthropic)
    anthropic.enqueue(says('Noted.'))
    const { answer } = await ask(first.client)
    await first.close()
    await using second = await startTestServer({ DATA_DIR }, anthropic)
    anthropic.enqueue(says('As before.'))
    await goOn(second, answer.claude?.session_id)
    expect(said(anthropic)).toEqual(['user: Hello', 'assistant: Noted.', 'user: And now?'])
  })

  it('has the long results of tools, which the model may look at again', async () => {
    await using server = await startTestServer({ ...notKept, SANDBOX: 'off' })
    const claude_options = { tools: ['Bash', 'Read'], working_dir: server.workspace }
    server.anthropic.enqueue(
      callsTools([{ name: 'Bash', input: { command: 'seq 1 30000' } }]),
      says('Counted.'),
    )
    const { answer } = await ask(server.client, { claude_options })
    const session_id = answer.claude?.session_id
    const told = JSON.stringify(server.anthropic.requests.at(-1)?.body)
    const path = /saved to: ([^\\\s"]+tool-results[^\\\s"]+)/.exec(told)?.[1] ?? expect.fail()
    await expect.poll(() => filesIn(server.configDir), patient).toEqual([])
    await expect(stat(path)).rejects.toThrow('ENOENT')
    server.anthropic.enqueue(
      callsTools([{ id: 'again', name: 'Read', input: { file_path: path, offset: 29_990 } }]),
      says('Seen.'),
    )
    const messages = [{ role: 'user' as const, content: 'How does it end?' }]
    await ask(server.client, { messages, claude_options: { ...claude_options, session_id } })
    const results = JSON.stringify(server.anthropic.requests.at(-1)?.body.messages.at(-1))
    expect(results).toContain('29999')
  })

  it('of an answer that the caller left is what had been said until then', async () => {
    await using server = await startTestServer(notKept)
    server.anthropic.enqueue(says('Noted.'))
    const { answer } = await ask(server.client)
    const session_id = answer.claude?.session_id
    server.anthropic.enqueue(stallsAfter('Half'))
    const { chunks, controller } = await askStream(server.client, {
      messages: [{ role: 'user', content: 'Tell me all.' }],
      claude_options: { session_id },
    })
    for await (const chunk of chunks) if (chunk.choices[0]?.delta.content === 'Half') break
    controller.abort()
    server.anthropic.enqueue(says('Then less.'))
    await goOn(server, session_id, 'Well?')
    const conversation = said(server.anthropic)
    expect(conversation.slice(0, 3)).toEqual([
      'user: Hello',
      'assistant: Noted.',
      'user: Tell me all.',
    ])
    expect(conversation.join('\n')).toContain('Well?')
    await expect.poll(() => filesIn(server.configDir), patient).toEqual([])
  })

  it('outlives kill -9 of the server, and is taken out of Claude Code’s folder by the next start', async () => {
    await using folder = await temporaryFolder()
    const DATA_DIR = join(folder.path, 'data')
    const CLAUDE_CONFIG_DIR = join(folder.path, 'config')
    await mkdir(CLAUDE_CONFIG_DIR)
    const settings = { DATA_DIR, CLAUDE_CONFIG_DIR }
    await using first = await startBuiltServer({ ...settings, LIVE_CONVERSATIONS: '1' })
    const { anthropic } = first
    anthropic.enqueue(says('Noted.'))
    const { answer } = await ask(first.client)
    first.child.kill('SIGKILL')
    await first.ended
    expect(await filesIn(CLAUDE_CONFIG_DIR)).toHaveLength(1)
    await using second = await startTestServer({ ...settings, ...notKept }, anthropic)
    await expect.poll(() => filesIn(CLAUDE_CONFIG_DIR), patient).toEqual([])
    anthropic.enqueue(says('As before.'))
    await goOn(second, answer.claude?.session_id)
    expect(said(anthropic)).toEqual(['user: Hello', 'assistant: Noted.', 'user: And now?'])
  })

  it('is what the request asks for with SESSIONS=asked', async () => {
    await using server = await startTestServer({ SESSIONS: 'asked', ...notKept })
    server.anthropic.enqueue(says('Gone.'), says('Kept.'), says('More.'))
    const plain = await ask(server.client)
    expect(plain.answer.claude).not.toHaveProperty('session_id')
    expect(plain.headers.get('x-claude-session-id')).toBeNull()
    const asked = await ask(server.client, { claude_options: { keep_session: true } })
    const id = asked.answer.claude?.session_id
    expect((await goOn(server, id)).answer.claude?.session_id).toBe(id)
    expect(await server.client.get('/sessions')).toMatchObject({ data: [{ id, turns: 2 }] })
    await expect.poll(() => filesIn(server.configDir), patient).toEqual([])
  })

  it('is nothing with SESSIONS=never, and what needs a session is refused', async () => {
    await using server = await startTestServer({ SESSIONS: 'never', ...notKept })
    server.anthropic.enqueue(says('Gone.'))
    const { answer } = await ask(server.client)
    expect(answer.claude).not.toHaveProperty('session_id')
    expect(await server.client.get('/sessions')).toMatchObject({ data: [] })
    await expect.poll(() => filesIn(server.configDir), patient).toEqual([])
    for (const [option, value] of Object.entries({
      session_id: 'x',
      continue: true,
      keep_session: true,
    })) {
      expect(
        await failure(ask(server.client, { claude_options: { [option]: value } })),
      ).toMatchObject({
        status: 400,
        code: 'invalid_value',
        param: `claude_options.${option}`,
        message: expect.stringContaining('SESSIONS=never'),
      })
    }
  })
})

describe('two requests in one session at once', { timeout: 60_000 }, () => {
  it('are answered one after the other, as one conversation', async () => {
    await using server = await startTestServer()
    server.anthropic.enqueue(says('Noted.'))
    const { answer } = await ask(server.client)
    const id = answer.claude?.session_id
    const { opened, open } = gate()
    server.anthropic.enqueue(after(opened, says('First.')), says('Second.'))
    const first = goOn(server, id, 'One?')
    await expect.poll(() => server.anthropic.requests.length, patient).toBe(2)
    const second = goOn(server, id, 'Two?')
    const refused = await failure(
      ask(server.client, { claude_options: { session_id: id, session_busy: 'refuse' } }),
    )
    expect(refused).toMatchObject({
      status: 409,
      code: 'session_busy',
      param: 'claude_options.session_id',
    })
    expect(server.anthropic.requests).toHaveLength(2)
    open()
    expect([(await first).text, (await second).text]).toEqual(['First.', 'Second.'])
    expect(said(server.anthropic)).toEqual([
      'user: Hello',
      'assistant: Noted.',
      'user: One?',
      'assistant: First.',
      'user: Two?',
    ])
  })

  it('of which the one that waits has left do not hold the next one up', async () => {
    await using server = await startTestServer()
    server.anthropic.enqueue(says('Noted.'))
    const { answer } = await ask(server.client)
    const session_id = answer.claude?.session_id
    const { opened, open } = gate()
    server.anthropic.enqueue(after(opened, says('First.')), says('Third.'))
    const first = goOn(server, session_id, 'One?')
    await expect.poll(() => server.anthropic.requests.length, patient).toBe(2)
    const leaving = new AbortController()
    const second = server.client.chat.completions.create(
      {
        model: 'sonnet',
        messages: [{ role: 'user', content: 'Two?' }],
        // @ts-expect-error claude_options is not OpenAI's
        claude_options: { session_id },
      },
      { signal: leaving.signal },
    )
    const third = goOn(server, session_id, 'Three?')
    leaving.abort()
    await expect(second).rejects.toThrow()
    open()
    expect([(await first).text, (await third).text]).toEqual(['First.', 'Third.'])
    expect(said(server.anthropic).at(-1)).toBe('user: Three?')
  })
})

describe.skipIf(postgresPrograms === undefined)(
  'a session of two servers that share nothing but Postgres (needs its programs)',
  { timeout: 90_000 },
  () => {
    it('goes from one to the other and back, though both keep its process', async () => {
      await using anthropic = await startScriptedAnthropic()
      await using postgres = await startTestPostgres()
      await using folder = await temporaryFolder()
      const working_dir = join(folder.path, 'work')
      await mkdir(working_dir)
      const settings = { DATABASE_URL: postgres.url(), WORKSPACE_ROOTS: folder.path }
      await using first = await startTestServer(settings, anthropic)
      await using second = await startTestServer(settings, anthropic)
      anthropic.enqueue(says('Noted.'))
      const { answer } = await ask(first.client, { claude_options: { working_dir } })
      const id = answer.claude?.session_id
      for (const [index, server] of [second, first, second, second].entries()) {
        anthropic.enqueue(says(`Answer ${index}.`))
        await goOn(server, id, `Question ${index}?`)
      }
      expect(said(anthropic)).toEqual([
        'user: Hello',
        'assistant: Noted.',
        ...[0, 1, 2].flatMap((index) => [
          `user: Question ${index}?`,
          `assistant: Answer ${index}.`,
        ]),
        'user: Question 3?',
      ])
    })

    it('is answered in on one of them at a time', async () => {
      await using anthropic = await startScriptedAnthropic()
      await using postgres = await startTestPostgres()
      await using folder = await temporaryFolder()
      const settings = { DATABASE_URL: postgres.url(), WORKSPACE_ROOTS: folder.path }
      await using first = await startTestServer(settings, anthropic)
      await using second = await startTestServer(settings, anthropic)
      anthropic.enqueue(says('Noted.'))
      const claude_options = { working_dir: folder.path }
      const { answer } = await ask(first.client, { claude_options })
      const session_id = answer.claude?.session_id
      const { opened, open } = gate()
      anthropic.enqueue(after(opened, says('First.')), says('Second.'))
      const one = goOn(first, session_id, 'One?')
      await expect.poll(() => anthropic.requests.length, patient).toBe(2)
      const refused = await failure(
        ask(second.client, { claude_options: { session_id, session_busy: 'refuse' } }),
      )
      expect(refused).toMatchObject({ status: 409, code: 'session_busy' })
      const busy = await failure(second.client.delete(`/sessions/${session_id}`))
      expect(busy).toMatchObject({ status: 409, code: 'session_busy' })
      const two = goOn(second, session_id, 'Two?')
      open()
      expect([(await one).text, (await two).text]).toEqual(['First.', 'Second.'])
      expect(said(anthropic).slice(2)).toEqual(['user: One?', 'assistant: First.', 'user: Two?'])
    })
  },
)
