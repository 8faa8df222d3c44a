import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requestsDuring } from '../functions/support.ts'
import { conversation } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { resultsIn, script } from './script.ts'
import { clientAt, clientFolder, runClient, settingsOf } from './support.ts'

/** npm's `@continuedev/cli`. */
const client = clientAt('CONTINUE_COMMAND', 'cn')

describe.skipIf(!client.installed)('Continue’s CLI (needs to be installed)', () => {
  let server: TestServer
  let folder: Awaited<ReturnType<typeof clientFolder>>
  let settings: string
  beforeAll(async () => {
    server = await startTestServer()
    folder = await clientFolder()
    settings = join(folder.home, 'config.yaml')
    await writeFile(settings, settingsOf('continue.md', 'yaml', server))
  })
  afterAll(async () => {
    await server.close()
    await folder[Symbol.asyncDispose]()
  })

  const run = (prompt: string): ReturnType<typeof runClient> =>
    runClient(client, ['--config', settings, '--auto', '-p', prompt], folder, {
      CONTINUE_GLOBAL_DIR: join(folder.home, '.continue'),
      CONTINUE_METRICS_ENABLED: '0',
      CONTINUE_TELEMETRY_ENABLED: '0',
    })

  it('reads and edits files with its own tools', async () => {
    const filepath = join(folder.work, 'city.txt')
    await writeFile(filepath, 'Rome\n')
    server.anthropic.respond = script(
      [
        [{ id: 'toolu_1', name: 'Read', input: { filepath } }],
        [
          { id: 'toolu_2', name: 'Write', input: { filepath, content: 'Oslo\n' } },
          { id: 'toolu_3', name: 'Bash', input: { command: 'echo done' } },
        ],
      ],
      'It is Oslo now.',
    )
    const { value, requests } = await requestsDuring(server, () => run('Edit city.txt.'))
    expect(value.stdout).toContain('It is Oslo now.')
    expect(await readFile(filepath, 'utf8')).toBe('Oslo\n')
    const last = requests.find((request) => resultsIn(request) === 3) ?? expect.fail()
    const told = JSON.stringify(conversation(last))
    for (const piece of ['Edit city.txt.', 'Rome', 'done']) expect(told).toContain(piece)
  }, 120_000)
})
