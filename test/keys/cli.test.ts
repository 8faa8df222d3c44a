import { describe, expect, it } from 'vitest'
import { runMain } from '../cli/run-command.ts'
import { says } from '../scripted-anthropic/server.ts'
import { ask } from '../api/server/support.ts'
import { startTestServer } from '../support/server.ts'
import { clientWith } from './support.ts'

type Shown = { id: string; status: string; key?: string; policy: object; expires_at: number | null }

async function failed(...args: string[]): Promise<string> {
  const { status, err } = await runMain(['keys', ...args])
  expect(status).toBe(1)
  return err
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

  it('says what it does not understand', async () => {
    expect(await failed('make')).toContain('keys create NAME')
    expect(await failed('show')).toContain('keys show ID')
    expect(await failed('show', 'nothing')).toBe('There is no API key with the id "nothing".\n')
    expect(await failed('create', 'x', '--expires', 'soon')).toContain('--expires is "soon"')
    expect(await failed('create', 'x', '--policy', '{"modles":[]}')).toContain('modles')
  })
})
