import { mkdir, rm, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { says, systemText } from '../../scripted-anthropic/server.ts'
import { temporaryFolder, type TemporaryFolder } from '../../support/claude.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'
import { type Asked, ask, question, refused, said, stage, streamedText } from './support.ts'

const shared = stage()

const user = (content: string) => ({ role: 'user' as const, content })
const system = (content: string) => ({ role: 'system' as const, content })
const assistant = (content: string) => ({ role: 'assistant' as const, content })
const asks = (...words: string[]): Asked => ({ messages: words.map(user) })

/** A session that was told one thing. */
async function begin(words: string, options = {}): Promise<string> {
  shared.anthropic.enqueue(says(`Noted: ${words}`))
  const { claude } = await shared.ask(options, asks(words))
  return claude.session_id
}

describe('session_id', () => {
  it('is in the answer and in a header', async () => {
    const body = { model: 'claude-code', messages: [user('Go.')] }
    const { data, response } = await shared.server.client.chat.completions
      .create(body)
      .withResponse()
    expect(response.headers.get('x-claude-session-id')).toMatch(/^[\da-f-]{36}$/)
    expect(data).toMatchObject({
      claude: { session_id: response.headers.get('x-claude-session-id') },
    })
  })

  it('sends only what follows the last assistant message, after what the session holds', async () => {
    const session_id = await begin('Blue.')
    await shared.ask(
      { session_id },
      { messages: [user('never said'), assistant('never answered'), user('Which colour?')] },
    )
    expect(said(shared.request)).toEqual([
      'user: Blue.',
      'assistant: Noted: Blue.',
      'user: Which colour?',
    ])
  })

  it('sends each message that follows the last assistant message', async () => {
    const session_id = await begin('Green.')
    await shared.ask({ session_id }, { messages: [assistant('old'), user('One.'), user('Two.')] })
    // Two messages of the user in a row are one to the model.
    expect(said(shared.request)).toEqual([
      'user: Green.',
      'assistant: Noted: Green.',
      'user: One.|Two.',
    ])
  })

  it('stays the same, turn after turn, and streams', async () => {
    const session_id = await begin('Red.')
    shared.anthropic.enqueue(says('It is red.'))
    const chunks = await shared.stream({ session_id }, asks('Which?'))
    expect(streamedText(chunks)).toBe('It is red.')
    expect(chunks.at(-1)?.claude?.session_id).toBe(session_id)
    await shared.ask({ session_id }, asks('And now?'))
    expect(said(shared.request)).toEqual([
      'user: Red.',
      'assistant: Noted: Red.',
      'user: Which?',
      'assistant: It is red.',
      'user: And now?',
    ])
  })

  it('works in the folder that the session began in', async () => {
    const working_dir = join(shared.server.workspace, 'began')
    await mkdir(working_dir)
    const session_id = await begin('Here.', { working_dir })
    await shared.ask({ session_id }, asks('Where?'))
    expect(said(shared.request)[0]).toBe('user: Here.')
    expect(JSON.stringify(shared.request.body)).toContain(`working directory: ${working_dir}`)
  })

  it('goes on in another folder when the request names one', async () => {
    const working_dir = join(shared.server.workspace, 'moved')
    await mkdir(working_dir)
    const session_id = await begin('Here.')
    await shared.ask({ session_id, working_dir }, asks('Where?'))
    expect(said(shared.request)).toEqual(['user: Here.', 'assistant: Noted: Here.', 'user: Where?'])
    expect(JSON.stringify(shared.request.body)).toContain(`working directory: ${working_dir}`)
  })

  it('keeps the system message that it began with, until another comes', async () => {
    const first = await shared.ask({}, { messages: [system('Speak French.'), user('Hello.')] })
    const { session_id } = first.claude
    await shared.ask({ session_id }, asks('Again.'))
    expect(systemText(shared.request)).toBe('Speak French.')
    await shared.ask({ session_id }, { messages: [system('Speak Dutch.'), user('Again.')] })
    expect(systemText(shared.request)).toBe('Speak Dutch.')
  })

  it.each(['3f0c4c9e-6a1f-4d0b-9a57-1f1a4b1d2c3e', 'not-an-id', '../../etc/passwd'])(
    'answers 404 for %s, which nobody has',
    async (session_id) => {
      expect(await shared.refused({ session_id })).toMatchObject({
        status: 404,
        code: 'session_not_found',
        param: 'claude_options.session_id',
        message: expect.stringContaining(session_id),
      })
      expect(shared.requests).toEqual([])
    },
  )

  it('goes on when Claude Code’s folder has lost the transcript', async () => {
    const session_id = await begin('Gone.')
    const projects = join(shared.server.configDir, 'projects')
    const paths = (await readdir(projects, { recursive: true })).filter((path) =>
      path.includes(session_id),
    )
    expect(paths).not.toEqual([])
    await Promise.all(
      paths.map((path) => rm(join(projects, path), { recursive: true, force: true })),
    )
    // Asked otherwise than before, so that the process that still holds the session cannot answer.
    await shared.ask({ session_id, effort: 'low' }, asks('Still?'))
    expect(said(shared.request)).toEqual(['user: Gone.', 'assistant: Noted: Gone.', 'user: Still?'])
  })
})

describe('continue', () => {
  it("goes on with the folder's most recent session, and not with another folder's", async () => {
    const [here, there] = ['here', 'there'].map((name) => join(shared.server.workspace, name))
    for (const folder of [here, there]) if (folder) await mkdir(folder)
    await begin('One.', { working_dir: here })
    const second = await begin('Two.', { working_dir: here })
    await begin('Three.', { working_dir: there })
    const answer = await shared.ask({ continue: true, working_dir: here }, asks('Which?'))
    expect(said(shared.request)).toEqual(['user: Two.', 'assistant: Noted: Two.', 'user: Which?'])
    expect(answer.claude.session_id).toBe(second)
  })

  it('sends only what follows the last assistant message', async () => {
    const working_dir = join(shared.server.workspace, 'tail')
    await mkdir(working_dir)
    await begin('One.', { working_dir })
    const messages = [user('never said'), assistant('never answered'), user('Which?')]
    await shared.ask({ continue: true, working_dir }, { messages })
    expect(said(shared.request)).toEqual(['user: One.', 'assistant: Noted: One.', 'user: Which?'])
  })

  it('begins a new session with the whole conversation when there is none', async () => {
    const working_dir = join(shared.server.workspace, 'fresh')
    await mkdir(working_dir)
    const messages = [user('First.'), assistant('Yes.'), user('Second.')]
    const answer = await shared.ask({ continue: true, working_dir }, { messages })
    expect(said(shared.request)).toEqual(['user: First.', 'assistant: Yes.', 'user: Second.'])
    const again = await shared.ask({ continue: true, working_dir }, asks('Third.'))
    expect(again.claude.session_id).toBe(answer.claude.session_id)
  })

  it("goes on in the caller's private folder when no folder is named", async () => {
    const session_id = await begin('Private.')
    const answer = await shared.ask({ continue: true }, asks('Which?'))
    expect(answer.claude.session_id).toBe(session_id)
  })

  it('and session_id together are refused', async () => {
    expect(await shared.refused({ continue: true, session_id: 'x' })).toMatchObject({
      status: 400,
      param: 'claude_options.continue',
    })
  })
})

describe('a session of another caller', () => {
  let folder: TemporaryFolder
  let settings: Record<string, string>
  let session_id: string
  let working_dir: string

  const start = (key: string): Promise<TestServer> =>
    startTestServer({ ...settings, API_KEY: key }, shared.anthropic)

  beforeAll(async () => {
    folder = await temporaryFolder()
    working_dir = join(folder.path, 'workspace')
    settings = {
      DATA_DIR: join(folder.path, 'data'),
      CLAUDE_CONFIG_DIR: join(folder.path, 'config'),
      WORKSPACE_ROOTS: working_dir,
      WAITING_PROCESSES: '0',
    }
    await mkdir(working_dir)
    await mkdir(join(folder.path, 'config'))
    await using server = await start('key-of-ann')
    shared.anthropic.enqueue(says('Noted.'))
    const answer = await ask(server, { working_dir }, asks('I am Ann.'))
    session_id = answer.claude.session_id
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  it('is the same 404 as one that nobody has, and `continue` does not find it', async () => {
    await using server = await start('key-of-bob')
    const others = await refused(server, { session_id })
    const nobodys = await refused(server, { session_id: crypto.randomUUID() })
    expect(others).toMatchObject({ status: 404, code: 'session_not_found' })
    const anyId = (refusal: typeof others) => ({
      ...refusal,
      message: refusal.message.replace(/[\da-f-]{36}/, 'ID'),
    })
    expect(anyId(others)).toEqual(anyId(nobodys))
    expect(shared.requests).toEqual([])
    const answer = await ask(server, { continue: true, working_dir }, asks('Who am I?'))
    expect(answer.claude.session_id).not.toBe(session_id)
    expect(question(shared.request)).toEqual([{ type: 'text', text: 'Who am I?' }])
    expect(said(shared.request)).toEqual(['user: Who am I?'])
  })

  it('is found again by its own caller after a restart, by id and by `continue`', async () => {
    await using server = await start('key-of-ann')
    await ask(server, { session_id }, asks('Who am I?'))
    expect(said(shared.request)).toEqual([
      'user: I am Ann.',
      'assistant: Noted.',
      'user: Who am I?',
    ])
    const answer = await ask(server, { continue: true, working_dir }, asks('And now?'))
    expect(answer.claude.session_id).toBe(session_id)
  })
})
