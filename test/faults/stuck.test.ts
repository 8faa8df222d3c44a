import { describe, expect, it } from 'vitest'
import { ask, failure } from '../api/server/support.ts'
import { drips, says, stalls } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import {
  begunStream,
  claudes,
  commandsWith,
  eventually,
  expectNone,
  models,
  runs,
  runsCommands,
  signal,
  watch,
} from './support.ts'

/** A server whose first process, which tells the models, has come and gone; others run only for a turn, after one, or to wait. */
async function start(settings: Record<string, string>): Promise<TestServer> {
  const server = await startTestServer({ WAITING_PROCESSES: '0', SANDBOX: 'off', ...settings })
  await server.client.models.list()
  const waiting = Number(settings['WAITING_PROCESSES'] ?? 0)
  const count = async () => (await server.processes()).length
  await eventually(`${waiting} wait`, async () => (await count()) === waiting)
  return server
}

/** Stops every process so that it neither runs nor ends; gives what to call to see that it was ended all the same. */
async function freeze(here: TestServer): Promise<() => Promise<void>> {
  const frozen = await claudes(here)
  signal(frozen, 'SIGSTOP')
  const pids = new Set(frozen.map(({ pid }) => pid))
  const left = async () => (await here.processes()).filter(({ pid }) => pids.has(pid))
  return () => expectNone('frozen process', left)
}

describe.concurrent('a Claude Code process that is stuck', { timeout: 60_000 }, () => {
  it('before its first word is a 504 in time, and is ended', async () => {
    await using here = await start({ FIRST_TOKEN_TIMEOUT_SECONDS: '6' })
    const watched = watch(here)
    models(here, stalls())
    const asking = failure(ask(here.client))
    await watched.untilAsked()
    const expectGone = await freeze(here)
    expect(await asking).toMatchObject({ status: 504, code: 'first_token_timeout' })
    await expectGone()
    await watched.expectWell(1)
  })

  it('in the middle of a stream is an error at its end, and is ended', async () => {
    await using here = await start({ IDLE_TIMEOUT_SECONDS: '5' })
    const watched = watch(here)
    models(here, drips('word ', 100))
    const { rest } = await begunStream(here.client)
    const expectGone = await freeze(here)
    expect(await rest).toMatchObject({ code: 'idle_timeout' })
    await expectGone()
    await watched.expectWell(1)
    expect(here.anthropic.requests.map(({ closedAt }) => closedAt)).toEqual([
      expect.any(Number),
      undefined,
    ])
  })

  it('for the whole of a turn is a 504, and is ended', async () => {
    await using here = await start({})
    const watched = watch(here)
    models(here, stalls())
    const asking = failure(ask(here.client, { claude_options: { timeout_seconds: 6 } }))
    await watched.untilAsked()
    const expectGone = await freeze(here)
    expect(await asking).toMatchObject({ status: 504, code: 'turn_timeout' })
    await expectGone()
    await watched.expectWell(1)
  })

  it('while it waits fails one request at the most, and is replaced', async () => {
    await using here = await start({ WAITING_PROCESSES: '1', START_TIMEOUT_SECONDS: '8' })
    const watched = watch(here)
    const expectGone = await freeze(here)
    expect(await failure(ask(here.client))).toMatchObject({ status: 504, code: 'start_timeout' })
    await expectGone()
    await watched.expectWell(0)
  })

  it('when it is to begin another conversation is left, and another one answers', async () => {
    await using here = await start({ START_TIMEOUT_SECONDS: '8' })
    const watched = watch(here)
    models(here, says('One.'))
    expect((await ask(here.client)).text).toBe('One.')
    const expectGone = await freeze(here)
    models(here, says('Two.'))
    const messages = [{ role: 'user' as const, content: 'Something else' }]
    expect((await ask(here.client, { messages })).text).toBe('Two.')
    await expectGone()
    await watched.expectWell(2)
  })
})

describe.concurrent('a command that runs for too long', { timeout: 60_000 }, () => {
  it.each([
    ['is ended with its turn', false],
    ['is ended with its turn even where Claude Code is stuck', true],
  ])('%s', async (_name, isStuck) => {
    const command = 'sleep 614.5'
    await using here = await start({ TOOL_TIMEOUT_SECONDS: '4' })
    const watched = watch(here)
    runs(here, `${command} & ${command}; wait`)
    const asking = failure(ask(here.client, runsCommands))
    const running = () => commandsWith(here.configDir, command)
    await eventually('it runs', async () => (await running()).length > 1)
    const expectGone = isStuck ? await freeze(here) : undefined
    expect(await asking).toMatchObject({ status: 504, code: 'tool_timeout' })
    await expectNone('command', running)
    await expectGone?.()
    await watched.expectWell(1)
  })

  it('is not ended while it has time, however long the model itself may be silent', async () => {
    await using here = await start({ TOOL_TIMEOUT_SECONDS: '60', IDLE_TIMEOUT_SECONDS: '4' })
    const watched = watch(here)
    runs(here, 'sleep 6')
    expect((await ask(here.client, runsCommands)).text).toBe('Done.')
    await watched.expectWell(2)
  })
})
