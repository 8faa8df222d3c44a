import { createServer } from 'node:net'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { minimumVersion } from '../../../src/engine/binary.ts'
import { temporaryFolder } from '../../support/claude.ts'
import { runBuiltServer, startBuiltServer } from './built-server.ts'
import { ask, until } from './support.ts'

describe('the built server', () => {
  it('is alive within a second of its start', async () => {
    const times: number[] = []
    for (let run = 0; run < 3; run++) {
      await using server = await startBuiltServer()
      times.push(server.healthyMs)
    }
    // A machine that has twice the work for its cores, such as other tests, takes twice the time.
    const load = Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
    expect(Math.min(...times)).toBeLessThan(1_000 * load)
  })

  it('is ready soon, and answers', async () => {
    await using server = await startBuiltServer({ WAITING_PROCESSES: '1' })
    const ready = async (): Promise<boolean> => (await fetch(`${server.url}/ready`)).status === 200
    await until('it is ready', ready, 15_000)
    expect((await ask(server.client)).text).toBe('Hello from the scripted model.')
    expect(server.said.err).toContain(`${server.url}/v1`)
  })

  it.each<[string, Record<string, string>, RegExp]>([
    ['a port that is none', { PORT: 'eighty' }, /PORT.*eighty.*65535/],
    ['a level that is none', { LOG_LEVEL: 'loud' }, /LOG_LEVEL.*loud.*info/],
    ['a fallback without its URL', { FALLBACK_API_KEY_1: 'sk-secret' }, /FALLBACK_API_URL_1/],
    ['an open address without a key', { HOST: '0.0.0.0' }, /HOST.*0\.0\.0\.0.*API_KEY/],
    ['every IPv6 address without a key', { HOST: '::' }, /HOST.*API_KEY/],
  ])('refuses %s with a sentence and exit status 1', async (_name, settings, sentence) => {
    const { status, err, out } = await runBuiltServer(settings)
    expect(status).toBe(1)
    expect(err).toMatch(sentence)
    expect(err + out).not.toMatch(/^\s+at |sk-secret/m)
  })

  it('names every bad setting at once', async () => {
    const { err } = await runBuiltServer({ PORT: '-1', HEARTBEAT_SECONDS: 'often' })
    expect(err).toMatch(/PORT is .*-1/)
    expect(err).toMatch(/HEARTBEAT_SECONDS is .*often/)
  })

  it('refuses a port that is in use', async () => {
    const other = createServer()
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { status, err } = await runBuiltServer({ PORT: port })
    other.close()
    expect(status).toBe(1)
    expect(err).toMatch(new RegExp(`port ${port} .*in use.*PORT`))
    expect(err).not.toMatch(/^\s+at /m)
  })

  it('refuses a Claude Code that is too old, with both versions', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'claude')
    await writeFile(path, '#!/bin/sh\necho "1.0.17 (Claude Code)"\n')
    await chmod(path, 0o755)
    const { status, err } = await runBuiltServer({ CLAUDE_PATH: path })
    expect(status).toBe(1)
    expect(err).toContain('1.0.17')
    expect(err).toContain(minimumVersion)
    expect(err).not.toMatch(/^\s+at /m)
  })
})
