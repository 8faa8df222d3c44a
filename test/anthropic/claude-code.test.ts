import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findClaude } from '../../src/engine/binary.ts'
import { callsTools, conversation, fails, says, systemText } from '../scripted-anthropic/server.ts'
import { claudeEnvironment, temporaryFolder, type TemporaryFolder } from '../support/claude.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** Claude Code as a client of this server, behind which another Claude Code answers, on the scripted model. */

let server: TestServer
let folder: TemporaryFolder
beforeAll(async () => {
  server = await startTestServer({ API_KEY: 'dummy-key-for-tests' })
  folder = await temporaryFolder()
})
afterAll(async () => {
  await server.close()
  await folder[Symbol.asyncDispose]()
})

type Outcome = { result: string; is_error: boolean; num_turns: number; session_id: string }

/** One run of `claude -p`, pointed here by nothing but its environment. */
async function claude(prompt: string, ...more: string[]): Promise<Outcome> {
  const binary = findClaude(undefined) ?? expect.fail('There is no claude.')
  const child = spawn(binary, ['-p', prompt, '--output-format', 'json', ...more], {
    cwd: folder.path,
    env: { ...claudeEnvironment(server.url, folder.path), CLAUDE_CODE_MAX_RETRIES: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  const [out, problems] = await Promise.all([text(child.stdout), text(child.stderr)])
  await exit
  if (out === '') throw new Error(`Claude Code said nothing: ${problems}`)
  return JSON.parse(out)
}

function lastRequest() {
  return server.anthropic.requests.at(-1) ?? expect.fail('The model was asked nothing.')
}

describe('Claude Code as a client', { timeout: 120_000 }, () => {
  it('talks', async () => {
    server.anthropic.enqueue(says('The tide is out.'))
    const answer = await claude('How is the tide?')
    expect(answer).toMatchObject({ result: 'The tide is out.', is_error: false })
    expect(server.anthropic.requests).toHaveLength(1)
    expect(JSON.stringify(conversation(lastRequest()))).toContain('How is the tide?')
    const sent = JSON.stringify(lastRequest().body)
    // Its own words of commits and agents come once, and not from the Claude Code in between as well.
    for (const once of ['Attribution for git commits', 'Available agent types for the Agent tool'])
      expect(sent.split(once)).toHaveLength(2)
    // What it tells the API of itself is not told to the model as an instruction.
    expect(systemText(lastRequest())).not.toContain('x-anthropic-billing-header')
  })

  it('uses its own tools where it runs, and none runs here', async () => {
    const note = join(folder.path, 'note.txt')
    writeFileSync(note, 'low water at noon')
    server.anthropic.enqueue(
      callsTools([{ name: 'Read', input: { file_path: note }, text: 'I look.' }]),
      callsTools([
        { name: 'Write', input: { file_path: join(folder.path, 'new.txt'), content: 'noon' } },
      ]),
      says('At noon.'),
    )
    const before = server.anthropic.requests.length
    const answer = await claude(
      'When is low water?',
      '--allowedTools',
      'Read,Write',
      '--permission-mode',
      'acceptEdits',
    )
    expect(answer).toMatchObject({ result: 'At noon.', is_error: false, num_turns: 3 })
    expect(readFileSync(join(folder.path, 'new.txt'), 'utf8')).toBe('noon')
    const [first, second, third] = server.anthropic.requests.slice(before)
    expect(first?.body.tools?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Bash', 'Edit', 'Read', 'Write']),
    )
    expect(JSON.stringify(second && conversation(second).at(-1))).toContain('low water at noon')
    const calls = (third ? conversation(third) : []).flatMap(({ content }) =>
      content.filter(({ type }) => type === 'tool_use').map(({ name }) => name),
    )
    expect(calls).toEqual(['Read', 'Write'])
  })

  it('goes on with its own conversation', async () => {
    server.anthropic.enqueue(says('Hello Ada.'), says('Ada.'))
    const first = await claude('I am Ada.')
    const second = await claude('Who am I?', '--resume', first.session_id)
    expect(second.result).toBe('Ada.')
    const seen = JSON.stringify(conversation(lastRequest()))
    expect(seen).toContain('I am Ada.')
    expect(seen).toContain('Hello Ada.')
  })

  it('tells its user of a failure', async () => {
    server.anthropic.enqueue(fails(529, 'overloaded_error', 'Overloaded'))
    const answer = await claude('Hello')
    expect(answer.is_error).toBe(true)
    expect(answer.result).toMatch(/overloaded|529/i)
  })
})
