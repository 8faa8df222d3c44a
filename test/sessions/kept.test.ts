import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ask, failure } from '../api/server/support.ts'
import { says, startScriptedAnthropic } from '../scripted-anthropic/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { postgresPrograms, startTestPostgres } from '../support/postgres.ts'
import { startTestServer } from '../support/server.ts'
import { goOn, said } from './support.ts'

describe('a session', { timeout: 60_000 }, () => {
  it('is gone on with after a restart', async () => {
    await using folder = await temporaryFolder()
    await using anthropic = await startScriptedAnthropic()
    const settings = {
      DATA_DIR: join(folder.path, 'data'),
      CLAUDE_CONFIG_DIR: join(folder.path, 'config'),
    }
    const first = await startTestServer(settings, anthropic)
    anthropic.enqueue(says('Noted.'))
    const { answer } = await ask(first.client)
    await first.close()
    await using second = await startTestServer(settings, anthropic)
    anthropic.enqueue(says('As before.'))
    await goOn(second, answer.claude?.session_id)
    expect(said(anthropic)).toEqual(['user: Hello', 'assistant: Noted.', 'user: And now?'])
  })

  it('that cannot be looked up is refused, and turns without one are answered', async () => {
    await using folder = await temporaryFolder()
    const dataDir = join(folder.path, 'data')
    await mkdir(dataDir)
    await writeFile(join(dataDir, 'state'), 'in the way')
    await using server = await startTestServer({ DATA_DIR: dataDir })
    server.anthropic.enqueue(says('As ever.'))
    const { text, answer } = await ask(server.client)
    expect(text).toBe('As ever.')
    const id = answer.claude?.session_id
    expect(await failure(goOn(server, id))).toMatchObject({
      status: 503,
      code: 'storage_unavailable',
    })
  })
})

describe.skipIf(postgresPrograms === undefined)(
  'a session of two servers with one Postgres (needs its programs)',
  { timeout: 90_000 },
  () => {
    it('is gone on with by the other one, where both have its transcript', async () => {
      await using folder = await temporaryFolder()
      await using anthropic = await startScriptedAnthropic()
      await using postgres = await startTestPostgres()
      const workspace = join(folder.path, 'workspace')
      await mkdir(workspace)
      const settings = {
        DATABASE_URL: postgres.url(),
        WORKSPACE_ROOTS: workspace,
        CLAUDE_CONFIG_DIR: join(folder.path, 'config'),
      }
      await using first = await startTestServer(settings, anthropic)
      await using second = await startTestServer(settings, anthropic)
      anthropic.enqueue(says('Noted.'))
      const claude_options = { working_dir: workspace }
      const { answer } = await ask(first.client, { claude_options })
      anthropic.enqueue(says('As before.'))
      await goOn(second, answer.claude?.session_id)
      expect(said(anthropic)).toEqual(['user: Hello', 'assistant: Noted.', 'user: And now?'])
    })
  },
)
