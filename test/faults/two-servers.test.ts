import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBuiltServer } from '../api/server/built-server.ts'
import { ask, questionOf } from '../api/server/support.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { says } from '../scripted-anthropic/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { processesWith, stillRunning } from '../support/leaks.ts'
import { postgresPrograms, startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { eventually, expectNone, watch } from './support.ts'

type Known = { server: TestServer; pids: Set<number> }

/** A server, and the processes that it has started and not seen the end of. */
async function start(settings: Record<string, string>): Promise<Known> {
  const pids = new Set<number>()
  const telemetry = {
    ...silentTelemetry,
    processStarted: ({ pid }: { pid: number }) => void pids.add(pid),
    processEnded: ({ pid }: { pid: number }) => void pids.delete(pid),
  }
  const server = await startTestServer(
    { LIVE_CONVERSATIONS: '2', ...settings },
    undefined,
    telemetry,
  )
  server.anthropic.respond = (request) => says(`Re: ${questionOf(request)}`)
  await server.client.models.list()
  return { server, pids }
}

async function folders(
  parent: string,
  name: string,
): Promise<{ DATA_DIR: string; CLAUDE_CONFIG_DIR: string }> {
  const settings = { DATA_DIR: join(parent, name, 'data'), CLAUDE_CONFIG_DIR: join(parent, name) }
  await mkdir(settings.DATA_DIR, { recursive: true })
  return settings
}

async function asks({ server }: Known, name: string): Promise<void> {
  const questions = [1, 2, 3].map((index) => `${name}${index}`)
  const answers = questions.map((content) =>
    ask(server.client, { messages: [{ role: 'user', content }] }),
  )
  expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(
    questions.map((question) => `Re: ${question}`),
  )
}

describe('two servers on one machine', { timeout: 90_000 }, () => {
  it('with folders of their own answer both, and neither ends the other’s processes', async () => {
    await using folder = await temporaryFolder()
    await expectBothToAnswer(
      folder.path,
      await folders(folder.path, 'one'),
      await folders(folder.path, 'two'),
    )
  })
})

/** Without a Postgres to share, a folder is one server's only (test/faults/storage.test.ts). */
describe.skipIf(postgresPrograms === undefined)(
  'two servers with the same folders (needs the programs of Postgres)',
  { timeout: 120_000 },
  () => {
    let postgres: TestPostgres
    beforeAll(async () => {
      postgres = await startTestPostgres()
    })
    afterAll(() => postgres.close())

    it('answer both, and neither ends the other’s processes', async () => {
      await using folder = await temporaryFolder()
      const settings = { ...(await folders(folder.path, 'one')), DATABASE_URL: postgres.url() }
      await expectBothToAnswer(folder.path, settings, settings)
    })

    it('are well when the other is killed', async () => {
      await using folder = await temporaryFolder()
      const settings = { ...(await folders(folder.path, 'one')), DATABASE_URL: postgres.url() }
      const first = await start(settings)
      await using server = first.server
      const watched = watch(server)
      await asks(first, 'a')
      await eventually('two are kept and one waits', () => first.pids.size === 3)
      const kept = [...first.pids]
      await using built = await startBuiltServer({ ...settings, WAITING_PROCESSES: '1' })
      expect((await ask(built.client)).text).toBe('Hello from the scripted model.')
      const ofBoth = () => processesWith(`CLAUDE_CONFIG_DIR=${settings.CLAUDE_CONFIG_DIR}`)
      const ofBuilt = async () =>
        (await ofBoth()).filter(({ pid }) => !first.pids.has(pid) && pid !== built.child.pid)
      expect((await ofBuilt()).length).toBeGreaterThan(0)
      built.child.kill('SIGKILL')
      await expectNone('process of the killed server', ofBuilt)
      expect([...first.pids]).toEqual(kept)
      await watched.expectWell(3)
    })
  },
)

async function expectBothToAnswer(
  folder: string,
  firstSettings: Record<string, string>,
  secondSettings: Record<string, string>,
): Promise<void> {
  const first = await start(firstSettings)
  const second = await start(secondSettings)
  await using firstServer = first.server
  await using secondServer = second.server
  const watched = [watch(firstServer), watch(secondServer)]
  await Promise.all([asks(first, 'a'), asks(second, 'b')])
  await eventually('each keeps two and has one wait', () =>
    [first, second].every(({ pids }) => pids.size === 3),
  )
  const kept = [...first.pids]
  const ended = [...second.pids]
  await watched[1]?.expectWell(3)
  await second.server.close()
  expect(await stillRunning(ended)).toEqual([])
  expect((await stillRunning(kept)).map(({ pid }) => pid)).toEqual(kept)
  expect([...first.pids]).toEqual(kept)
  await watched[0]?.expectWell(3)
  await first.server.close()
  await expectNone('process', () => processesWith(`CLAUDE_CONFIG_DIR=${folder}`))
}
