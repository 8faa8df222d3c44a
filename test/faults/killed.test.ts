import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBuiltServer } from '../api/server/built-server.ts'
import { ask, failure } from '../api/server/support.ts'
import { says, stalls, stallsAfter } from '../scripted-anthropic/server.ts'
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

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    WAITING_PROCESSES: '1',
    LIVE_CONVERSATIONS: '1',
    SANDBOX: 'off',
  })
  // The first process of all, which tells the models, is not the one that these tests kill.
  await server.client.models.list()
})
afterAll(() => server.close())

/** Kills every process of Claude Code's that runs now, and gives their ids. */
async function killAll(): Promise<number[]> {
  const running = await claudes(server)
  signal(running, 'SIGKILL')
  return running.map(({ pid }) => pid)
}

describe('kill -9 of a Claude Code process', { timeout: 60_000 }, () => {
  it('that waits is not noticed by the next request, again and again', async () => {
    const watched = watch(server)
    for (let round = 0; round < 3; round++) {
      await eventually('one waits', async () => (await claudes(server)).length > 0)
      await killAll()
      models(server, says('Unharmed.'))
      expect((await ask(server.client)).text).toBe('Unharmed.')
      expect(watched.asked).toBe(round + 1)
    }
    await watched.expectWell(3)
  })

  it('that keeps a conversation has its next question told to another, once', async () => {
    const watched = watch(server)
    models(server, says('One.'))
    const messages = [{ role: 'user' as const, content: 'Count' }]
    const { text } = await ask(server.client, { messages })
    await killAll()
    models(server, says('Two.'))
    const more = [
      ...messages,
      { role: 'assistant' as const, content: text },
      { role: 'user' as const, content: 'On' },
    ]
    expect((await ask(server.client, { messages: more })).text).toBe('Two.')
    await watched.expectWell(2)
  })

  it('before the first word is a 502 of that request, which is not repeated', async () => {
    const watched = watch(server)
    models(server, stalls())
    const asking = failure(ask(server.client))
    await watched.untilAsked()
    const killed = await killAll()
    expect(await asking).toMatchObject({ status: 502, code: 'claude_crashed' })
    await watched.expectWell(1)
    const pids = (await claudes(server)).map(({ pid }) => pid)
    expect(pids.filter((pid) => killed.includes(pid))).toEqual([])
  })

  it('in the middle of a stream is an error at its end, and the words are not said again', async () => {
    const watched = watch(server)
    models(server, stallsAfter('Half an '))
    const { rest } = await begunStream(server.client)
    await killAll()
    expect(await rest).toMatchObject({ code: 'claude_crashed' })
    await watched.expectWell(1)
  })

  it('while a command runs ends the command too', async () => {
    const watched = watch(server)
    const command = 'sleep 611.5'
    runs(server, `${command} & ${command}; wait`)
    const asking = failure(ask(server.client, runsCommands))
    const running = () => commandsWith(server.configDir, command)
    await eventually('it runs', async () => (await running()).length > 1)
    await killAll()
    expect(await asking).toMatchObject({ status: 502, code: 'claude_crashed' })
    await expectNone('command', running)
    await watched.expectWell(1)
  })
})

describe('kill -9 of the server', () => {
  // It may have to be built first.
  it('while a command runs ends the command too', { timeout: 120_000 }, async () => {
    await using built = await startBuiltServer({ SANDBOX: 'off' })
    const command = 'sleep 612.5'
    runs(built, `${command} & ${command}; wait`)
    const asking = ask(built.client, runsCommands).catch(() => 'lost')
    await eventually('it runs', async () =>
      (await built.claudes()).some((one) => one.command === command),
    )
    built.child.kill('SIGKILL')
    await expectNone('process', () => built.claudes())
    expect(await asking).toBe('lost')
  })
})
