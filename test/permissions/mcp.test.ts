import { createServer, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolveMcpServers } from '../../src/engine/tools/mcp.ts'
import { runTools, temporaryFolder } from './run-tools.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

const script = fileURLToPath(new URL('./mcp-server.js', import.meta.url))
const secret = 'mcp-secret-5f1c'
const tell = { name: 'mcp__test__tell', input: {} }
const other = { name: 'mcp__test__other', input: {} }

async function run(uses: (typeof tell)[], claude: Parameters<typeof runTools>[1]['claude']) {
  const mcpServers = await resolveMcpServers(
    {
      type: 'servers',
      servers: {
        test: { command: process.execPath, args: [script], env: { MCP_TEST_SECRET: secret } },
      },
    },
    { named: {}, allowCommands: true, allowPrivateNetwork: false, readFile: async () => '' },
  )
  const place = {
    cwd: folder.path,
    addDirs: [],
    roots: [folder.path],
    forbidden: [],
    home: folder.path,
  }
  return runTools(uses, { place, ...(claude && { claude }), options: { mcpServers } })
}

describe('MCP tools on the real claude', () => {
  it('run without asking when the request brings the server, and its secrets are on no command line', async () => {
    const { results, commandLine, tools } = await run([tell, other], {})
    expect(tools).toEqual(['mcp__test__other', 'mcp__test__tell'])
    expect(results[0]).toContain(`tell was told ${secret}`)
    expect(results[1]).toContain('other was told')
    if (process.platform === 'linux') expect(commandLine.join()).toMatch(/stream-json/)
    expect(commandLine.join()).not.toContain(secret)
  })

  it('are only those that `tools` lists, when it lists some', async () => {
    const { results } = await run([tell, other], { tools: ['mcp__test__tell'] })
    expect(results[0]).toContain('tell was told')
    expect(results[1]).toMatch(/refused by this server/)
  })

  it('are refused when they are disallowed', async () => {
    const { results } = await run([tell, other], { disallowedTools: ['mcp__test__tell'] })
    expect(results[0]).toMatch(/No such tool|denied|refused/)
    expect(results[1]).toContain('other was told')
  })
})

describe('what a request writes as ${NAME}', () => {
  it('would be replaced from the environment by Claude Code, which is why resolveMcpServers refuses it', async () => {
    const seen: IncomingHttpHeaders[] = []
    const server = createServer((request, response) => {
      seen.push(request.headers)
      response.writeHead(404).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`
    const place = {
      cwd: folder.path,
      addDirs: [],
      roots: [folder.path],
      forbidden: [],
      home: folder.path,
    }
    await runTools([], {
      place,
      options: { mcpServers: { web: { type: 'http', url, headers: { 'x-home': '${HOME}' } } } },
    })
    server.close()
    server.closeAllConnections()
    expect(seen[0]?.['x-home']).toBe(process.env.HOME)
    const servers = {
      web: { type: 'http' as const, url: 'https://mcp.example/', headers: { 'x-home': '${HOME}' } },
    }
    const options = {
      named: {},
      allowCommands: true,
      allowPrivateNetwork: true,
      readFile: async () => '',
    }
    await expect(resolveMcpServers({ type: 'servers', servers }, options)).rejects.toMatchObject({
      code: 'invalid_value',
    })
  })
})
