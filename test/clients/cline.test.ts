import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requestsDuring } from '../functions/support.ts'
import { conversation } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { resultsIn, script } from './script.ts'
import { clientAt, clientFolder, jsonLinesOf, runClient, settingsOf } from './support.ts'

/** npm's `cline`. */
const client = clientAt('CLINE_COMMAND', 'cline')

describe.skipIf(!client.installed)('Cline’s CLI (needs to be installed)', () => {
  let server: TestServer
  let folder: Awaited<ReturnType<typeof clientFolder>>
  beforeAll(async () => {
    server = await startTestServer()
    folder = await clientFolder()
    const [command, ...args] = settingsOf('cline.md', 'sh', server).split(' ')
    expect(command).toBe('cline')
    await runClient(client, args, folder)
  }, 120_000)
  afterAll(async () => {
    await server.close()
    await folder[Symbol.asyncDispose]()
  })

  it('reads and edits files with its own tools', async () => {
    const path = join(folder.work, 'city.txt')
    await writeFile(path, 'Rome\n')
    server.anthropic.respond = script(
      [
        [{ id: 'toolu_1', name: 'read_files', input: { files: [{ path }] } }],
        [
          {
            id: 'toolu_2',
            name: 'editor',
            input: { path, old_text: 'Rome', new_text: 'Oslo' },
            text: 'Let me change it.',
          },
          { id: 'toolu_3', name: 'run_commands', input: { commands: ['echo done'] } },
        ],
      ],
      'It is Oslo now.',
    )
    const { value, requests } = await requestsDuring(server, () =>
      runClient(client, ['--json', 'Edit city.txt.'], folder),
    )
    const result = jsonLinesOf(value.stdout).find(({ type }) => type === 'run_result')
    expect(result).toMatchObject({ finishReason: 'completed', text: 'It is Oslo now.' })
    expect(await readFile(path, 'utf8')).toBe('Oslo\n')
    const last = requests.find((request) => resultsIn(request) === 3) ?? expect.fail()
    const told = JSON.stringify(conversation(last))
    for (const piece of ['Edit city.txt.', 'Rome', 'Let me change it.', 'done'])
      expect(told).toContain(piece)
  }, 120_000)
})
