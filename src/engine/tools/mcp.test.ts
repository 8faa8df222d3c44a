import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import type { McpRequest, McpServer } from '../../turn/claude-options.ts'
import { type McpOptions, reservedServerName, resolveMcpServers } from './mcp.ts'

const owned: McpServer = { command: 'owned', env: { TOKEN: '${TOKEN}' } }
const base: McpOptions = {
  named: { owned, web: { type: 'http', url: 'http://127.0.0.1:9/' } },
  allowCommands: false,
  allowPrivateNetwork: false,
  readFile: async () => '',
  resolve: async () => ['93.184.215.14'],
}

function servers(entries: Record<string, McpServer>): McpRequest {
  return { type: 'servers', servers: entries }
}

function file(text: string): Pick<McpOptions, 'readFile'> {
  return { readFile: async (path) => (path === '.mcp.json' ? text : '') }
}

async function failure(request: McpRequest, options: Partial<McpOptions> = {}): Promise<TurnError> {
  const error: unknown = await resolveMcpServers(request, { ...base, ...options }).catch(
    (thrown: unknown) => thrown,
  )
  if (error instanceof TurnError) return error
  throw new Error('nothing was thrown')
}

describe('resolveMcpServers', () => {
  it('gives none when none are asked for', async () => {
    expect(await resolveMcpServers(undefined, base)).toEqual({})
  })

  it("gives the owner's servers by name, commands and private addresses too", async () => {
    expect(await resolveMcpServers({ type: 'names', names: ['owned', 'web'] }, base)).toEqual(
      base.named,
    )
  })

  it('answers an unknown name with a 400 that lists the names', async () => {
    for (const name of ['other', 'constructor']) {
      const error = await failure({ type: 'names', names: ['owned', name] })
      expect(error).toMatchObject({ code: 'invalid_value', param: 'claude_options.mcp_config[1]' })
      expect(error.message).toContain('owned, web')
    }
  })

  it('refuses a command of a request unless ALLOW_REQUEST_MCP_COMMANDS is on', async () => {
    const request = servers({ mine: { command: 'run', env: { KEY: 'shh' } } })
    const error = await failure(request)
    expect(error).toMatchObject({ code: 'forbidden', param: 'claude_options.mcp_config.mine' })
    expect(error.message).toContain('ALLOW_REQUEST_MCP_COMMANDS')
    expect(error.message).not.toContain('shh')
    expect(await resolveMcpServers(request, { ...base, allowCommands: true })).toEqual({
      mine: { command: 'run', env: { KEY: 'shh' } },
    })
  })

  it('refuses a private address of a request unless ALLOW_PRIVATE_NETWORK is on', async () => {
    const request = servers({ mine: { type: 'http', url: 'http://10.0.0.1/' } })
    expect((await failure(request)).message).toContain('ALLOW_PRIVATE_NETWORK')
    expect(
      Object.keys(await resolveMcpServers(request, { ...base, allowPrivateNetwork: true })),
    ).toEqual(['mine'])
    const named = servers({ mine: { type: 'sse', url: 'https://inner.example/' } })
    expect((await failure(named, { resolve: async () => ['10.0.0.1'] })).code).toBe('forbidden')
    expect(Object.keys(await resolveMcpServers(named, base))).toEqual(['mine'])
  })

  it.each(['a b', '', 'a__b', 'x'.repeat(65), reservedServerName])(
    'refuses the name %j',
    async (name) => {
      expect(
        (await failure(servers({ [name]: { type: 'http', url: 'https://a.example/' } }))).code,
      ).toBe('invalid_value')
    },
  )

  it('refuses what Claude Code would replace from the environment', async () => {
    const headers = { authorization: 'Bearer ${ANTHROPIC_API_KEY}' }
    const error = await failure(
      servers({ mine: { type: 'http', url: 'https://a.example/', headers } }),
    )
    expect(error).toMatchObject({ code: 'invalid_value', param: 'claude_options.mcp_config.mine' })
  })

  it('reads a file of the workspace by the same rules', async () => {
    const request: McpRequest = { type: 'file', path: '.mcp.json' }
    const web = { type: 'http', url: 'https://a.example/' }
    for (const text of [{ mcpServers: { a: web } }, { a: web }]) {
      expect(await resolveMcpServers(request, { ...base, ...file(JSON.stringify(text)) })).toEqual({
        a: web,
      })
    }
    expect((await failure(request, file('{"a": {"command": "run"}}'))).code).toBe('forbidden')
    expect(
      (await failure(request, file('{"a": {"command": 5, "env": {"K": "shh"}}}'))).message,
    ).not.toContain('shh')
    expect((await failure(request, file('nothing shh'))).message).toMatch(/not JSON/)
    expect((await failure(request, file('[]'))).code).toBe('invalid_value')
  })
})
