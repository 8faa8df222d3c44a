import { describe, expect, it } from 'vitest'
import { runMain } from '../cli/run-command.ts'
import { says } from '../scripted-anthropic/server.ts'
import { startBuiltServer } from '../api/server/built-server.ts'
import { ask } from '../api/server/support.ts'
import { eventually } from '../faults/support.ts'
import { temporaryFolder } from '../support/claude.ts'
import { startTestServer } from '../support/server.ts'
import { clientWith } from './support.ts'

type Shown = { id: string; status: string; key?: string; policy: object; expires_at: number | null }

async function failed(...args: string[]): Promise<string> {
  const { status, err } = await runMain(['keys', ...args])
  expect(status).toBe(1)
  return err
}

async function pageOf(url: string, key?: string): Promise<string> {
  const accept = { accept: 'text/html' }
  const headers = key === undefined ? accept : { ...accept, authorization: `Bearer ${key}` }
  return (await fetch(url, { headers })).text()
}

describe('`claude-code-api keys`', { timeout: 60_000 }, () => {
  it('makes a key beside a running server, shows, rotates and revokes it', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    const run = async (...args: string[]): Promise<unknown> => {
      const { status, out, err } = await runMain(['keys', ...args, '--json'], {
        DATA_DIR: server.dataDir,
      })
      expect({ status, err }).toEqual({ status: 0, err: '' })
      return JSON.parse(out)
    }
    const made = (await run(
      'create',
      'for the build',
      '--expires',
      '30d',
      '--policy={"models":["sonnet"]}',
    )) as Shown
    expect(made).toMatchObject({ status: 'active', policy: { models: ['sonnet'] } })
    expect(made.key).toMatch(/^sk-cca-[\w-]{43}$/)
    expect((await ask(clientWith(server, made.key ?? ''))).text).toBe('Hi.')
    const { key: text, ...shown } = made
    expect(await run('list')).toEqual([shown])
    expect(JSON.stringify(await run('show', made.id))).not.toContain(text)
    const rotated = (await run('rotate', made.id)) as Shown
    expect(rotated.key).not.toBe(text)
    expect(await run('revoke', made.id)).toMatchObject({ status: 'revoked' })
  })

  it('is known to the server that starts then: its welcome and its page ask for a key', async () => {
    await using folder = await temporaryFolder()
    const env = { DATA_DIR: folder.path }
    const welcomed = async (use?: (url: string) => Promise<void>): Promise<string> => {
      await using server = await startBuiltServer(env)
      await eventually('it has said so', () => server.said.err.includes('Ready:'))
      await use?.(server.url)
      return server.said.err
    }
    expect(
      await welcomed(async (url) => expect(await pageOf(url)).toContain('none needed')),
    ).not.toContain('$API_KEY')
    const { out } = await runMain(['keys', 'create', 'x', '--json'], env)
    const { key } = JSON.parse(out) as Shown
    expect(
      await welcomed(async (url) => {
        expect(await pageOf(url)).toContain('provide an API key')
        expect(await pageOf(url, key)).toContain('YOUR_API_KEY')
      }),
    ).toContain('-H "Authorization: Bearer $API_KEY"')
  })

  it('says what it does not understand', async () => {
    expect(await failed('make')).toContain('keys create NAME')
    expect(await failed('show')).toContain('keys show ID')
    expect(await failed('show', 'nothing')).toBe('There is no API key with the id "nothing".\n')
    expect(await failed('create', 'x', '--expires', 'soon')).toContain('--expires is "soon"')
    expect(await failed('create', 'x', '--policy', '{"modles":[]}')).toContain('modles')
  })
})
