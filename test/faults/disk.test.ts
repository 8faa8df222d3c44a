import { execFileSync } from 'node:child_process'
import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ask } from '../api/server/support.ts'
import { says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { canMount, fill, isRoot, mount, unmount } from '../support/small-disk.ts'
import { expectNone, models, watch } from './support.ts'

/** A server whose processes come after the disk has got what is wrong with it. */
async function start(): Promise<TestServer> {
  const server = await startTestServer({ WAITING_PROCESSES: '0', LIVE_CONVERSATIONS: '2' })
  await server.client.models.list()
  await expectNone('first process', () => server.processes())
  return server
}

async function asksOf(server: TestServer, question: string, before: number): Promise<string> {
  const history = Array.from({ length: before }, (_, index) => ({
    role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: `Word ${index} of ${question}`,
  }))
  models(server, says(`Re: ${question}`))
  const messages = [...history, { role: 'user' as const, content: question }]
  return (await ask(server.client, { messages })).text
}

/** New conversations, one that goes on, and one that is long enough for a transcript: all of them are answered. */
async function expectAnswers(server: TestServer): Promise<void> {
  const watched = watch(server)
  for (const question of ['one', 'two', 'three', 'four', 'five', 'six'])
    expect(await asksOf(server, question, 0)).toBe(`Re: ${question}`)
  expect(await asksOf(server, 'short', 4)).toBe('Re: short')
  expect(await asksOf(server, 'long', 80)).toBe('Re: long')
  await watched.expectWell(8)
}

describe.skipIf(!canMount)('a full disk (needs root and mount)', { timeout: 90_000 }, () => {
  it.each(['configDir', 'dataDir'] as const)('under %s', async (name) => {
    await using server = await start()
    const path = server[name]
    mount(path)
    try {
      await fill(path)
      await expectAnswers(server)
      await rm(join(path, 'filler'))
      await expectAnswers(server)
    } finally {
      unmount(path)
    }
  })
})

describe.skipIf(isRoot && !canMount)('a folder that is read-only', { timeout: 90_000 }, () => {
  it.each(['configDir', 'dataDir'] as const)('as %s', async (name) => {
    await using server = await start()
    const path = server[name]
    if (isRoot) {
      execFileSync('mount', ['--bind', path, path], { stdio: 'ignore' })
      execFileSync('mount', ['-o', 'remount,ro,bind', path], { stdio: 'ignore' })
    } else await chmod(path, 0o500)
    try {
      await expectAnswers(server)
    } finally {
      if (isRoot) unmount(path)
      else await chmod(path, 0o700)
    }
  })
})
