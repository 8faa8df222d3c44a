import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, says } from '../../scripted-anthropic/server.ts'
import { offered, type Options, stage, toolResults } from './support.ts'
import { startWebMcpServer, type WebMcpServer } from './web-mcp.ts'

const script = fileURLToPath(new URL('../../permissions/mcp-server.js', import.meta.url))
const secret = 'mcp-secret-9c4e'
const command = { command: process.execPath, args: [script], env: { MCP_TEST_SECRET: secret } }
const tell = { name: 'mcp__test__tell', input: {} }
const both = ['mcp__test__other', 'mcp__test__tell']

/** A server that the owner has named, and commands of requests are refused: how a server is by default. */
const owners = stage({
  MCP_SERVERS: JSON.stringify({ test: command, unused: command }),
  WAITING_PROCESSES: '0',
})

/** A server whose owner lets requests bring commands and reach private networks. */
const open = stage({
  ALLOW_REQUEST_MCP_COMMANDS: 'true',
  ALLOW_PRIVATE_NETWORK: 'true',
  WAITING_PROCESSES: '0',
})

/** The whole command lines of everything that a server runs while the model is asked. */
async function commandLinesDuring(options: Options): Promise<string> {
  const lines: string[] = []
  const step = says('Done.')
  open.anthropic.respond = async () => {
    const running = await open.processes()
    lines.push(
      ...(await Promise.all(running.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'utf8')))),
    )
    return step
  }
  await open.ask(options)
  return lines.join('\n')
}

describe('mcp_config', () => {
  it.each([
    ['an object', () => ({ mcpServers: { test: command } })],
    ['an object without the outer key', () => ({ test: command })],
    ['a JSON string', () => JSON.stringify({ mcpServers: { test: command } })],
    ['a file in the workspace', () => 'servers.json'],
    ['the absolute path of a file', () => join(open.server.workspace, 'servers.json')],
  ])('gives the model the tools of a server, which run without asking: %s', async (_, config) => {
    const file = JSON.stringify({ mcpServers: { test: command } })
    await writeFile(join(open.server.workspace, 'servers.json'), file)
    const options = { mcp_config: config(), working_dir: open.server.workspace }
    const [told] = await open.use([tell], options)
    expect(offered(open.request).sort()).toEqual(both)
    expect(told).toEqual({
      isError: false,
      text: expect.stringContaining(`tell was told ${secret}`),
    })
  })

  it('narrows to what `tools` names, and what `disallowed_tools` leaves', async () => {
    const mcp_config = { test: command }
    const other = { ...tell, name: 'mcp__test__other' }
    const named = await open.use([tell, other], { mcp_config, tools: ['mcp__test__tell'] })
    expect(named.map(({ isError }) => isError)).toEqual([false, true])
    const left = await open.use([tell, other], {
      mcp_config,
      disallowed_tools: ['mcp__test__tell'],
    })
    expect(left.map(({ isError }) => isError)).toEqual([true, false])
  })

  it.runIf(process.platform === 'linux')('puts its secrets on no command line', async () => {
    const lines = await commandLinesDuring({ mcp_config: { test: command } })
    expect(lines).toContain('stream-json')
    expect(lines).toContain(script)
    expect(lines).not.toContain(secret)
  })

  it('shows its secrets in no debug log', async () => {
    const { claude } = await open.ask({ mcp_config: { test: command }, debug: true })
    const log = await readFile(claude.debug_log ?? '', 'utf8')
    expect(log).toContain('test')
    expect(log).not.toContain(secret)
  })

  it('takes names of MCP_SERVERS, also where requests may bring no commands', async () => {
    const [told] = await owners.use([tell], { mcp_config: ['test'] })
    expect(offered(owners.request).sort()).toEqual(both)
    expect(told).toEqual({
      isError: false,
      text: expect.stringContaining(`tell was told ${secret}`),
    })
  })

  it('gives no tools of the named servers to a request that names none', async () => {
    await owners.ask({})
    expect(offered(owners.request)).toEqual([])
  })

  it('refuses a name that MCP_SERVERS does not have, and says which it has', async () => {
    expect(await owners.refused({ mcp_config: ['test', 'absent'] })).toMatchObject({
      status: 400,
      param: 'claude_options.mcp_config[1]',
      message: expect.stringMatching(/absent.*MCP_SERVERS.*test, unused/),
    })
  })

  it('refuses commands in requests without ALLOW_REQUEST_MCP_COMMANDS, whichever way they come', async () => {
    const config = { mcpServers: { test: command } }
    await writeFile(join(owners.server.workspace, 'servers.json'), JSON.stringify(config))
    for (const mcp_config of [config, JSON.stringify(config), 'servers.json']) {
      const refusal = await owners.refused({ mcp_config, working_dir: owners.server.workspace })
      expect(refusal).toMatchObject({
        status: 403,
        param: 'claude_options.mcp_config.test',
        message: expect.stringContaining('ALLOW_REQUEST_MCP_COMMANDS'),
      })
      expect(refusal.message).not.toContain(secret)
    }
    expect(owners.requests).toEqual([])
  })

  it.each([
    ['/etc/hostname', 403, /WORKSPACE_ROOTS/],
    ['missing.json', 400, /does not exist/],
    ['wrong.json', 400, /is not JSON/],
  ])(
    'refuses the file %s with a %d, and quotes nothing of it',
    async (mcp_config, status, message) => {
      const { workspace } = owners.server
      await mkdir(workspace, { recursive: true })
      await writeFile(join(workspace, 'wrong.json'), `{"key": ${secret}`)
      const refusal = await owners.refused({ mcp_config, working_dir: workspace })
      expect(refusal).toMatchObject({ status, param: 'claude_options.mcp_config' })
      expect(refusal.message).toMatch(message)
      expect(refusal.message).not.toContain(secret)
    },
  )

  it('refuses ${NAME}, which Claude Code would fill from the environment of the server', async () => {
    const mcp_config = { test: { ...command, env: { KEY: '${ANTHROPIC_API_KEY}' } } }
    expect(await open.refused({ mcp_config })).toMatchObject({
      status: 400,
      param: 'claude_options.mcp_config.test',
    })
  })
})

describe('an http server in mcp_config', () => {
  let web: WebMcpServer
  beforeAll(async () => {
    web = await startWebMcpServer()
  })
  afterAll(() => web[Symbol.asyncDispose]())

  const config = () => ({ web: { type: 'http', url: web.url, headers: { 'x-key': secret } } })

  it('on this machine is refused without ALLOW_PRIVATE_NETWORK', async () => {
    const refusal = await owners.refused({ mcp_config: config() })
    expect(refusal).toMatchObject({
      status: 403,
      param: 'claude_options.mcp_config.web.url',
      message: expect.stringContaining('ALLOW_PRIVATE_NETWORK'),
    })
    expect(refusal.message).not.toContain(secret)
    expect(web.headers).toEqual([])
  })

  it('is waited for when it is slow', async () => {
    await using slow = await startWebMcpServer(400)
    await open.ask({ mcp_config: { web: { type: 'http', url: slow.url } } })
    expect(offered(open.request)).toEqual(['mcp__web__tell'])
  })

  it('runs with it, gets its headers, and they are on no command line', async () => {
    const lines = await commandLinesDuring({ mcp_config: config() })
    expect(offered(open.request)).toEqual(['mcp__web__tell'])
    expect(web.headers[0]).toMatchObject({ 'x-key': secret })
    expect(lines).not.toContain(secret)
    open.anthropic.enqueue(callsTools([{ name: 'mcp__web__tell', input: {} }]), says('Done.'))
    await open.ask({ mcp_config: config() })
    expect(toolResults(open.request)[0]).toMatchObject({
      isError: false,
      text: expect.stringContaining('told over http'),
    })
  })
})
