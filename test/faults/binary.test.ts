import { chmod, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ask, askStream, failure, readAll } from '../api/server/support.ts'
import { findClaude } from '../../src/engine/binary.ts'
import { drips, says } from '../scripted-anthropic/server.ts'
import { temporaryFolder } from '../support/claude.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { claudes, eventually, models, signal, watch } from './support.ts'

const bundled = findClaude() ?? ''

/** Scripts that stand where the server looks for Claude Code. */
const works = `exec '${bundled}' "$@"`
const scripts = {
  works,
  /** Another one that works, told by its command line. */
  worksToo: `exec -a claude-two '${bundled}' "$@"`,
  fails: `case "$1" in --version) ${works} ;; esac\necho 'cannot load libraries' >&2\nexit 3`,
  ends: `exit 0`,
  hangs: `exec sleep 617.5`,
}

/** Puts a script in the place of the one before in one step, as an installer does. */
async function install(path: string, script: string): Promise<void> {
  await writeFile(`${path}.new`, `#!/bin/bash\n${script}\n`)
  await chmod(`${path}.new`, 0o755)
  await rename(`${path}.new`, path)
}

/** A server whose processes are each of one turn only, so that each turn after a change meets what is there now. */
async function start(path: string, settings: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer({
    CLAUDE_PATH: path,
    WAITING_PROCESSES: '0',
    LIVE_CONVERSATIONS: '0',
    ...settings,
  })
  await server.client.models.list()
  return server
}

describe('a claude that is replaced while the server runs', { timeout: 90_000 }, () => {
  it('by another that works is used from then on, and a running answer goes on', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'claude')
    await install(path, scripts.works)
    await using server = await start(path)
    const watched = watch(server)
    models(
      server,
      says(
        Array.from({ length: 40 }, () => 'word '),
        { delayMs: 50 },
      ),
    )
    const { chunks } = await askStream(server.client)
    const reading = readAll(chunks)
    await install(path, scripts.worksToo)
    models(server, drips('word ', 100))
    const leave = new AbortController()
    const request = { model: 'sonnet', messages: [{ role: 'user' as const, content: 'New' }] }
    const asking = server.client.chat.completions
      .create(request, { signal: leave.signal })
      .catch(() => 'left')
    await eventually('the new one runs', async () =>
      (await claudes(server)).some(({ command }) => command.startsWith('claude-two')),
    )
    await watched.untilAsked(2)
    leave.abort()
    await asking
    expect(await reading).toMatchObject({ text: 'word '.repeat(40), error: undefined })
    await watched.expectWell(2)
  })

  it.each<[string, string, object]>([
    ['fails', scripts.fails, { status: 502, code: 'claude_crashed' }],
    ['ends at once', scripts.ends, { status: 502, code: 'claude_crashed' }],
    ['hangs', scripts.hangs, { status: 504, code: 'start_timeout' }],
  ])('by one that %s fails each request, until it works again', async (_name, broken, expected) => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'claude')
    await install(path, scripts.works)
    await using server = await start(path, { START_TIMEOUT_SECONDS: '8' })
    const watched = watch(server)
    await install(path, broken)
    expect(await failure(ask(server.client))).toMatchObject(expected)
    expect(await failure(askStream(server.client))).toMatchObject(expected)
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    await install(path, scripts.works)
    await watched.expectWell(0)
  })

  it('by nothing is a 503, until it is there again', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'claude')
    await install(path, scripts.works)
    await using server = await start(path)
    const watched = watch(server)
    await rename(path, `${path}.away`)
    expect(await failure(ask(server.client))).toMatchObject({
      status: 503,
      code: 'claude_not_installed',
    })
    await rename(`${path}.away`, path)
    await watched.expectWell(0)
  })

  it('by one that fails does not start and start again where one should wait', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'claude')
    const counted = join(folder.path, 'starts')
    await install(path, scripts.works)
    await using server = await start(path, { WAITING_PROCESSES: '1' })
    const watched = watch(server)
    await eventually('one waits', async () => (await claudes(server)).length === 1)
    await install(path, `echo >> '${counted}'\n${scripts.fails}`)
    signal(await claudes(server), 'SIGKILL')
    expect(await failure(ask(server.client))).toMatchObject({ code: 'claude_crashed' })
    await install(path, scripts.works)
    await watched.expectWell(0)
    const { size } = await stat(counted)
    expect(size).toBeLessThan(8)
  })
})
