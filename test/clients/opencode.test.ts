import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requestsDuring } from '../functions/support.ts'
import { conversation } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { resultsIn, script } from './script.ts'
import { clientAt, clientFolder, jsonLinesOf, runClient, settingsOf } from './support.ts'

/** npm's `opencode-ai`. */
const client = clientAt('OPENCODE_COMMAND', 'opencode')

/** Nothing that it would fetch: plugins, lists of models, language servers, itself. */
const offline = {
  OPENCODE_PURE: '1',
  OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
  OPENCODE_DISABLE_MODELS_FETCH: '1',
  OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
  OPENCODE_DISABLE_AUTOUPDATE: '1',
}

/** The packages of the AI SDK that are inside it, and so the dialects that it speaks. */
const dialects = {
  '/v1/chat/completions': '@ai-sdk/openai-compatible',
  '/v1/responses': '@ai-sdk/openai',
  '/v1/messages': '@ai-sdk/anthropic',
}

describe.skipIf(!client.installed)('opencode (needs to be installed)', () => {
  let server: TestServer
  let folder: Awaited<ReturnType<typeof clientFolder>>
  beforeAll(async () => {
    server = await startTestServer()
    folder = await clientFolder()
  })
  afterAll(async () => {
    await server.close()
    await folder[Symbol.asyncDispose]()
  })

  async function opencode(prompt: string, npm: string): Promise<Record<string, unknown>[]> {
    const shown = settingsOf('opencode.md', 'json', server)
    const settings = shown.replace(dialects['/v1/chat/completions'], npm)
    await writeFile(join(folder.work, 'opencode.json'), settings)
    const run = runClient(client, ['run', '--format', 'json', prompt], folder, offline)
    return jsonLinesOf((await run).stdout)
  }

  it.each(Object.entries(dialects))(
    'reads and edits files over %s',
    async (_path, npm) => {
      const filePath = join(folder.work, 'city.txt')
      await writeFile(filePath, 'Rome\n')
      server.anthropic.respond = script(
        [
          [{ id: 'toolu_1', name: 'read', input: { filePath } }],
          [
            {
              id: 'toolu_2',
              name: 'edit',
              input: { filePath, oldString: 'Rome', newString: 'Oslo' },
              text: 'Let me change it.',
            },
            {
              id: 'toolu_3',
              name: 'bash',
              input: { command: 'echo done', description: 'Says so' },
            },
          ],
        ],
        'It is Oslo now.',
      )
      const { value: events, requests } = await requestsDuring(server, () =>
        opencode('Edit city.txt.', npm),
      )
      expect(await readFile(filePath, 'utf8')).toBe('Oslo\n')
      expect(events.at(-1)).toMatchObject({ type: 'step_finish', part: { reason: 'stop' } })
      expect(JSON.stringify(events)).toContain('It is Oslo now.')
      const last = requests.find((request) => resultsIn(request) === 3) ?? expect.fail()
      const told = JSON.stringify(conversation(last))
      for (const piece of ['Edit city.txt.', 'Rome', 'Let me change it.', 'done'])
        expect(told).toContain(piece)
    },
    120_000,
  )

  it('tells why a turn failed', async () => {
    const shown = settingsOf('opencode.md', 'json', server)
    await writeFile(join(folder.work, 'opencode.json'), shown.replaceAll('sonnet', 'no-such-model'))
    const run = runClient(client, ['run', '--format', 'json', 'Hello.'], folder, offline)
    const { stdout } = await run.catch((error: { stdout: string }) => error)
    expect(stdout).toContain('no-such-model')
  }, 120_000)
})
