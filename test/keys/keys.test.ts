import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { ask } from '../api/server/support.ts'
import { eventually } from '../faults/support.ts'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { startTestServer } from '../support/server.ts'
import { clientWith, makeKey, withKeys } from './support.ts'

/** How a request with this client ends. */
async function outcome(client: OpenAI, request: Record<string, unknown> = {}): Promise<unknown> {
  try {
    const { text } = await ask(client, request)
    return text
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error
    return [error.status, error.code, error.param ?? null]
  }
}

const inFolder = (path: string) => ({ claude_options: { working_dir: path } })

describe('stored keys', { timeout: 60_000 }, () => {
  it('let their callers in at once, and shut out everybody else', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    expect(await outcome(server.client)).toBe('Hi.')
    const key = await makeKey(server)
    expect(await outcome(clientWith(server, key.text))).toBe('Hi.')
    await eventually('a key is asked for', async () => (await outcome(server.client)) !== 'Hi.')
    expect(await outcome(server.client)).toEqual([401, 'invalid_api_key', null])
    const wrong = `${key.text.slice(0, -4)}AAAA`
    expect(await outcome(clientWith(server, wrong))).toEqual([401, 'invalid_api_key', null])
  })

  it('are refused once they were revoked, under steady use', async () => {
    await using server = await startTestServer()
    const key = await makeKey(server)
    const client = clientWith(server, key.text)
    await client.models.list()
    await withKeys(server, (book) => book.revoke(key.id))
    let refusal: unknown
    await eventually('it is refused', async () => {
      refusal = await client.models.list().then(
        () => undefined,
        (error: unknown) => error,
      )
      return refusal !== undefined
    })
    expect(refusal).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect(String(refusal)).toContain('has been revoked')
  })

  it('say when they have expired', async () => {
    await using server = await startTestServer()
    const key = await makeKey(server, { expiresMs: Date.now() + 500 })
    const client = clientWith(server, key.text)
    await client.models.list()
    await new Promise((resolve) => setTimeout(resolve, 600))
    await expect(client.models.list()).rejects.toMatchObject({
      status: 401,
      code: 'expired_api_key',
    })
  })

  it('stand beside API_KEY, and keep their sessions over rotation, apart from other keys', async () => {
    await using server = await startTestServer({ API_KEY: 'the-simple-one' })
    server.anthropic.respond = () => says('Hi.')
    const [mine, other] = [await makeKey(server), await makeKey(server)]
    const first = await ask(clientWith(server, mine.text))
    const session = { claude_options: { session_id: first.answer.claude?.session_id } }
    expect(await outcome(clientWith(server, other.text), session)).toEqual([
      404,
      'session_not_found',
      'claude_options.session_id',
    ])
    expect(await outcome(server.client, session)).toContain('session_not_found')
    const rotated = await withKeys(server, (book) => book.rotate(mine.id))
    expect(await outcome(clientWith(server, rotated.text), session)).toBe('Hi.')
    await eventually('the old text is refused', async () => {
      const refused = await outcome(clientWith(server, mine.text))
      return Array.isArray(refused) && refused[0] === 401
    })
    expect(await outcome(server.client)).toBe('Hi.')
  })
})

describe('a key with a policy', { timeout: 60_000 }, () => {
  it('gets the models that it may use, for subagents too', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    const key = await makeKey(server, { policy: { models: ['haiku', 'claude-sonnet-*'] } })
    const client = clientWith(server, key.text)
    expect(await outcome(client, { model: 'haiku' })).toBe('Hi.')
    expect(await outcome(client, { model: 'opus' })).toEqual([403, 'forbidden', 'model'])
    expect(await outcome(client, { model: 'haiku', claude_options: { model: 'opus' } })).toEqual([
      403,
      'forbidden',
      'model',
    ])
    const agents = { helper: { description: 'd', prompt: 'p', model: 'opus' } }
    expect(await outcome(client, { model: 'haiku', claude_options: { agents } })).toEqual([
      403,
      'forbidden',
      'claude_options.agents.helper.model',
    ])
  })

  it('gets its tools only, also when it takes all without asking', async () => {
    await using server = await startTestServer({ SANDBOX: 'off' })
    server.anthropic.respond = () => says('Hi.')
    const key = await makeKey(server, { policy: { tools: ['Read', 'Grep'] } })
    const client = clientWith(server, key.text)
    expect(await outcome(client, { claude_options: { tools: ['Bash'] } })).toEqual([
      403,
      'forbidden',
      'claude_options.tools[0]',
    ])
    await outcome(client, { claude_options: { auto_allow_permissions: true } })
    const tools = server.anthropic.requests.at(-1)?.body['tools'] as { name: string }[]
    expect(tools.map(({ name }) => name).sort()).toEqual(['Grep', 'Read'])
    const careful = await makeKey(server, { policy: { auto_allow: false } })
    expect(
      await outcome(clientWith(server, careful.text), {
        claude_options: { auto_allow_permissions: true },
      }),
    ).toEqual([403, 'forbidden', 'claude_options.auto_allow_permissions'])
  })

  it('cannot do with a rule what its list forbids, use by use', async () => {
    await using server = await startTestServer({ SANDBOX: 'off' })
    const key = await makeKey(server, { policy: { tools: ['Bash(echo *)'] } })
    const steps = [
      callsTools([{ id: 't1', name: 'Bash', input: { command: 'id -u', description: 'x' } }]),
    ]
    server.anthropic.respond = () => steps.shift() ?? says('Done.')
    await outcome(clientWith(server, key.text), { claude_options: { tools: ['Bash'] } })
    const told = JSON.stringify(server.anthropic.requests.at(-1)?.body['messages'])
    expect(told).toContain('"is_error":true')
  })

  it('works in its folders only, and never outside WORKSPACE_ROOTS', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    const [mine, other] = [join(server.workspace, 'mine'), join(server.workspace, 'other')]
    await Promise.all([mkdir(mine), mkdir(other)])
    const key = await makeKey(server, { policy: { workspace_roots: [mine, '/etc'] } })
    const client = clientWith(server, key.text)
    expect(await outcome(client, inFolder(mine))).toBe('Hi.')
    for (const path of [other, server.workspace, '/etc', join(mine, '..', 'other')]) {
      expect(await outcome(client, inFolder(path))).toEqual([
        403,
        'forbidden',
        'claude_options.working_dir',
      ])
    }
  })

  it('names the MCP servers of its list, and brings none', async () => {
    const named = { one: { command: 'true' }, two: { command: 'true' } }
    await using server = await startTestServer({ MCP_SERVERS: JSON.stringify(named) })
    const key = await makeKey(server, { policy: { mcp_servers: ['one'] } })
    const client = clientWith(server, key.text)
    expect(await outcome(client, { claude_options: { mcp_config: ['one', 'two'] } })).toEqual([
      403,
      'forbidden',
      'claude_options.mcp_config[1]',
    ])
    const own = { mcpServers: { x: { type: 'http', url: 'https://example.com/' } } }
    expect(await outcome(client, { claude_options: { mcp_config: own } })).toEqual([
      403,
      'forbidden',
      'claude_options.mcp_config',
    ])
  })

  it('is answered by its providers only', async () => {
    await using server = await startTestServer()
    server.anthropic.respond = () => says('Hi.')
    const key = await makeKey(server, { policy: { providers: ['backup'] } })
    expect(await outcome(clientWith(server, key.text))).toEqual([403, 'forbidden', null])
    const other = await makeKey(server, { policy: { providers: ['claude-code'] } })
    expect(await outcome(clientWith(server, other.text))).toBe('Hi.')
  })
})
