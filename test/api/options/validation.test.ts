import { describe, expect, it } from 'vitest'
import { stage } from './support.ts'

const shared = stage({ WAITING_PROCESSES: '0' })

/** Each option with a value of a wrong type, and the field that the error must name when that is not the option itself. */
const wrongTypes: [option: string, value: unknown, param?: string][] = [
  ['tools', 'Read'],
  ['tools', { Read: true }],
  ['tools', ['Read', 3], 'tools[1]'],
  ['disallowed_tools', 'Read'],
  ['disallowed_tools', [null], 'disallowed_tools[0]'],
  ['session_id', 7],
  ['session_id', ['x']],
  ['continue', 'true'],
  ['continue', 1],
  ['debug', 'yes'],
  ['working_dir', 7],
  ['working_dir', ['/tmp']],
  ['project_settings', 'true'],
  ['mcp_config', 7],
  ['mcp_config', true],
  ['mcp_config', [7], 'mcp_config[0]'],
  ['files', 'README.md'],
  ['files', ['a', {}], 'files[1]'],
  ['images', 'a.png'],
  ['images', [{ url: 'x' }], 'images[0]'],
  ['auto_allow_permissions', 'true'],
  ['auto_allow_permissions', 0],
  ['model', 7],
  ['append_system_prompt', ['x']],
  ['max_turns', '3'],
  ['max_turns', 1.5],
  ['max_budget_usd', '1'],
  ['add_dirs', '/tmp'],
  ['add_dirs', [1], 'add_dirs[0]'],
  ['agents', []],
  ['agents', 'reviewer'],
  ['agents', { a: 'prompt' }, 'agents.a'],
  ['agents', { a: { description: 'x', prompt: 7 } }, 'agents.a.prompt'],
  ['timeout_seconds', '10'],
  ['include_activity', 'true'],
]

/** Each option with a value of the right type that is not allowed. */
const wrongValues: [option: string, value: unknown, param?: string][] = [
  ['tools', [''], 'tools[0]'],
  ['session_id', ''],
  ['output_format', 'xml'],
  ['working_dir', ''],
  ['mcp_config', ''],
  ['mcp_config', '{"mcpServers": '],
  ['files', [''], 'files[0]'],
  ['images', [''], 'images[0]'],
  ['model', ''],
  ['effort', 'huge'],
  ['max_turns', 0],
  ['max_turns', -1],
  ['max_budget_usd', 0],
  ['max_budget_usd', -1],
  ['timeout_seconds', 0],
  ['timeout_seconds', -5],
]

describe('claude_options', () => {
  it.each([
    ['session', { session: 'x' }],
    ['Tools', { Tools: [] }],
    ['allowed_tools', { tools: [], allowed_tools: [] }],
    ['__proto__x', { __proto__x: 1 }],
  ])(
    'with the unknown key %s is a 400 that names it and lists what there is',
    async (key, options) => {
      const refusal = await shared.refused(options)
      expect(refusal).toMatchObject({
        status: 400,
        code: 'unknown_parameter',
        param: `claude_options.${key}`,
      })
      expect(refusal.message).toContain(`claude_options.${key}`)
      expect(refusal.message).toMatch(/tools.*session_id.*include_activity/)
    },
  )

  it('with an unknown key inside an option is a 400 that names its whole path', async () => {
    const agents = { a: { description: 'x', prompt: 'y', colour: 'blue' } }
    expect(await shared.refused({ agents })).toMatchObject({
      status: 400,
      code: 'unknown_parameter',
      param: 'claude_options.agents.a.colour',
    })
    const mcp_config = { mcpServers: { a: { command: 'x', cwd: '/' } } }
    expect(await shared.refused({ mcp_config })).toMatchObject({
      status: 400,
      param: expect.stringMatching(/^claude_options\.mcp_config\.mcpServers\.a/),
    })
  })

  it.each(wrongTypes)(
    '.%s %j, of a wrong type, is a 400',
    async (option, value, param = option) => {
      const refusal = await shared.refused({ [option]: value })
      expect(refusal).toMatchObject({
        status: 400,
        code: 'invalid_type',
        param: `claude_options.${param}`,
      })
      expect(refusal.message).toContain(`claude_options.${param} must be`)
      expect(shared.requests).toEqual([])
    },
  )

  it.each(wrongValues)(
    '.%s %j, which is not allowed, is a 400',
    async (option, value, param = option) => {
      const refusal = await shared.refused({ [option]: value })
      expect(refusal).toMatchObject({
        status: 400,
        code: 'invalid_value',
        param: `claude_options.${param}`,
      })
      expect(shared.requests).toEqual([])
    },
  )

  it.each([
    ['output_format', 7],
    ['effort', 3],
  ])('.%s %j, which is no word at all, is a 400 that lists the words', async (option, value) => {
    const refusal = await shared.refused({ [option]: value })
    expect(refusal).toMatchObject({ status: 400, param: `claude_options.${option}` })
    expect(refusal.message).toMatch(/one of "/)
  })

  it.each([
    ['a text', 'tools'],
    ['a list', []],
    ['a number', 7],
    ['true', true],
  ])('that is %s is a 400', async (_, claude_options) => {
    const messages = [{ role: 'user' as const, content: 'Go.' }]
    const body = { model: 'claude-code', messages, claude_options }
    const outcome: unknown = await shared.server.client.chat.completions
      .create(body)
      .catch((error: unknown) => error)
    expect(outcome).toMatchObject({ status: 400, code: 'invalid_type', param: 'claude_options' })
  })

  it('with null everywhere is the same as none', async () => {
    const options = [...wrongTypes, ...wrongValues].map(([option]) => [option, null])
    await shared.ask(Object.fromEntries(options))
    expect(shared.requests).toHaveLength(1)
    expect(shared.request.body.tools).toEqual([])
  })

  it('says which kinds of MCP servers there are', async () => {
    expect(await shared.refused({ mcp_config: { a: { type: 'ws' } } })).toMatchObject({
      status: 400,
      param: 'claude_options.mcp_config.a.type',
      message: expect.stringContaining('must be one of "stdio", "http", "sse"; got "ws"'),
    })
  })

  it('quotes no secret of a wrong mcp_config', async () => {
    const secret = 'mcp-secret-77d1'
    const configs = [
      `{"mcpServers": {"a": {"command": "x", "env": {"KEY": "${secret}"}}`,
      { a: { type: 'http', url: 'https://mcp.example/', headers: { key: [secret] } } },
      { a: { command: 'x', env: secret } },
      { a: { type: 'http', url: 'https://mcp.example/', token: secret } },
    ]
    for (const mcp_config of configs) {
      const { status, message } = await shared.refused({ mcp_config })
      expect(status).toBe(400)
      expect(message).not.toContain(secret)
    }
  })
})
