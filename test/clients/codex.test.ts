import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { png } from '../attachments/pictures.ts'
import { requestsDuring } from '../functions/support.ts'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientAt, clientFolder, jsonLinesOf, runClient, settingsOf } from './support.ts'

/** npm's `@openai/codex`. */
const client = clientAt('CODEX_COMMAND', 'codex')

describe.skipIf(!client.installed).each([
  ['over HTTP', false],
  ['over a WebSocket', true],
])('the Codex CLI (needs to be installed) %s', (_transport, isOverSocket) => {
  let server: TestServer
  let folder: Awaited<ReturnType<typeof clientFolder>>
  const finished: string[] = []
  beforeAll(async () => {
    server = await startTestServer({}, undefined, {
      ...silentTelemetry,
      requestFinished: ({ method, status }) => finished.push(`${method} ${status}`),
    })
    folder = await clientFolder()
    // What the page ends with is the table of the provider.
    const settings = [
      settingsOf('codex.md', 'toml', server),
      'request_max_retries = 0',
      'stream_max_retries = 0',
      `supports_websockets = ${isOverSocket}`,
    ]
    await writeFile(join(folder.home, 'config.toml'), settings.join('\n'))
  })
  afterAll(async () => {
    await server.close()
    await folder[Symbol.asyncDispose]()
  })

  const options = ['--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox']

  /** What it does in its own folder, one JSON object a line. */
  async function codex(prompt: string, more: string[] = []): Promise<Record<string, unknown>[]> {
    const { stdout } = await runClient(client, ['exec', ...options, ...more, prompt], folder, {
      CODEX_HOME: folder.home,
      CLAUDE_CODE_API_KEY: 'unused',
    })
    return jsonLinesOf(stdout)
  }

  it('reads and edits files with its own tools', async () => {
    await writeFile(join(folder.work, 'city.txt'), 'Rome\n')
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
    expect(await readFile(join(folder.work, 'city.txt'), 'utf8')).toBe('Oslo\n')
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
      codex('Write a note.', ['-m', 'gpt-5.6-sol']),
    )
    expect(await readFile(join(folder.work, 'note.txt'), 'utf8')).toBe('Hello\n')
    expect(events.at(-1)).toMatchObject({ type: 'turn.completed' })
    expect(requests).toHaveLength(2)
    expect(JSON.stringify(conversation(requests[1] ?? expect.fail()))).toContain('toolu_1')
  })

  it('gets an answer of its schema, about a picture', async () => {
    const schema = {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    }
    const [schemaFile, picture] = ['schema.json', 'picture.png'].map((name) =>
      join(folder.work, name),
    ) as [string, string]
    await writeFile(schemaFile, JSON.stringify(schema))
    await writeFile(picture, png(2, 2))
    server.anthropic.enqueue(callsTools([{ name: 'StructuredOutput', input: { city: 'Rome' } }]))
    const { value: events, requests } = await requestsDuring(server, () =>
      codex('Which city is this?', ['--output-schema', schemaFile, '-i', picture, '--']),
    )
    expect(events.at(-2)).toMatchObject({ item: { text: '{"city":"Rome"}' } })
    expect(JSON.stringify(conversation(requests[0] ?? expect.fail()))).toContain('image/png')
  })

  it('tells why a turn failed', async () => {
    const failed = await codex('Hello.', ['-m', 'no-such-model']).catch(
      (error: { stdout: string }) => error,
    )
    expect(JSON.stringify(failed)).toContain('no-such-model')
  })
})
