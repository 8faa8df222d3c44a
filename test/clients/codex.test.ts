import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requestsDuring } from '../functions/support.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { temporaryFolder, type TemporaryFolder } from '../support/claude.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** The Codex CLI (npm's `@openai/codex`): where `CODEX_COMMAND` says, or installed here. It is too large to be a dependency. */
const command =
  process.env['CODEX_COMMAND'] ??
  fileURLToPath(new URL('../../node_modules/.bin/codex', import.meta.url))

describe.skipIf(!existsSync(command)).each([
  ['over HTTP', false],
  ['over a WebSocket', true],
])('the Codex CLI (needs to be installed) %s', (_transport, isOverSocket) => {
  let server: TestServer
  const finished: string[] = []
  let folder: TemporaryFolder
  beforeAll(async () => {
    server = await startTestServer({}, undefined, {
      ...silentTelemetry,
      requestFinished: ({ method, status }) => finished.push(`${method} ${status}`),
    })
    folder = await temporaryFolder()
    await Promise.all([mkdir(join(folder.path, 'home')), mkdir(join(folder.path, 'work'))])
    await writeFile(
      join(folder.path, 'home', 'config.toml'),
      configuration(server.baseURL, isOverSocket),
    )
  })
  afterAll(async () => {
    await server.close()
    await folder[Symbol.asyncDispose]()
  })

  /** What it does in its own folder, one JSON object a line. */
  async function codex(prompt: string, model = 'sonnet'): Promise<Record<string, unknown>[]> {
    const { stdout } = await runCodex(folder.path, ['-m', model, prompt])
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  it('reads and edits files with its own tools', async () => {
    await writeFile(join(folder.path, 'work', 'city.txt'), 'Rome\n')
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'exec_command', input: { cmd: 'cat city.txt' } }]),
      callsTools([
        {
          id: 'toolu_2',
          name: 'exec_command',
          input: { cmd: 'echo Oslo > city.txt && echo done' },
        },
      ]),
      says('It is Oslo now.'),
    )
    const { value: events, requests } = await requestsDuring(server, () => codex('Edit city.txt.'))
    expect(await readFile(join(folder.path, 'work', 'city.txt'), 'utf8')).toBe('Oslo\n')
    expect(events.at(-1)).toMatchObject({ type: 'turn.completed' })
    expect(JSON.stringify(events)).toContain('It is Oslo now.')
    expect(requests).toHaveLength(3)
    const last = JSON.stringify(conversation(requests[2] ?? expect.fail()))
    expect(last).toContain('Rome')
    expect(last).toContain('done')
    expect(finished.includes('GET 101')).toBe(isOverSocket)
  })

  it('with a name of OpenAI’s sends its tools inside the input, and runs calls of them', async () => {
    const patch = '*** Begin Patch\n*** Add File: note.txt\n+Hello\n*** End Patch'
    const script = `text(await tools.apply_patch(${JSON.stringify(patch)}))`
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'functions__exec', input: { input: script } }]),
      says('Noted.'),
    )
    const { value: events, requests } = await requestsDuring(server, () =>
      codex('Write a note.', 'gpt-5.6-sol'),
    )
    expect(await readFile(join(folder.path, 'work', 'note.txt'), 'utf8')).toBe('Hello\n')
    expect(events.at(-1)).toMatchObject({ type: 'turn.completed' })
    expect(requests).toHaveLength(2)
    expect(JSON.stringify(conversation(requests[1] ?? expect.fail()))).toContain('toolu_1')
  })

  it('tells why a turn failed', async () => {
    const failed = await codex('Hello.', 'no-such-model').catch(
      (error: { stdout: string }) => error,
    )
    expect(JSON.stringify(failed)).toContain('no-such-model')
  })
})

const run = promisify(execFile)

function runCodex(
  folder: string,
  args: readonly string[],
): Promise<{ stdout: string; stderr: string }> {
  const running = run(
    command,
    [
      'exec',
      '--json',
      '--skip-git-repo-check',
      '--dangerously-bypass-approvals-and-sandbox',
      ...args,
    ],
    {
      cwd: join(folder, 'work'),
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: join(folder, 'home'),
        CODEX_HOME: join(folder, 'home'),
        TEST_KEY: 'unused',
      },
      timeout: 120_000,
    },
  )
  // It would read a prompt from there.
  running.child.stdin?.end()
  return running
}

function configuration(baseURL: string, isOverSocket: boolean): string {
  return `
model_provider = "here"

[model_providers.here]
name = "claude-code-api"
base_url = "${baseURL}"
env_key = "TEST_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = ${isOverSocket}
`
}
