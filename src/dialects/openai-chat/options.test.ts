import { describe, expect, it } from 'vitest'
import type { ClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import { decode } from './decode.ts'

const messages = [{ role: 'user', content: 'x' }]

function decoded(claude_options: unknown): ClaudeOptions {
  return decode({ messages, claude_options }, { strict: false, maxChoices: 1 }).turn.claude
}

function failure(claude_options: unknown): TurnError {
  try {
    decoded(claude_options)
  } catch (error) {
    if (error instanceof TurnError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('claude_options', () => {
  it('become options of the turn, each by its own name', () => {
    expect(
      decoded({
        tools: ['Read', 'Bash(git *)'],
        disallowed_tools: ['Write'],
        session_id: 's',
        output_format: 'stream-json',
        debug: true,
        working_dir: '/w',
        project_settings: true,
        files: ['a', '*.ts'],
        images: ['b.png'],
        auto_allow_permissions: true,
        append_system_prompt: ' p ',
        max_turns: 3,
        max_budget_usd: 0.5,
        add_dirs: ['/d'],
        agents: { reviewer: { description: 'd', prompt: 'p', tools: ['Read'], model: null } },
        timeout_seconds: 1.5,
        include_activity: true,
        allow_degraded: true,
        cache: 'exact',
        continue: false,
        mcp_config: null,
      }),
    ).toEqual({
      tools: ['Read', 'Bash(git *)'],
      disallowedTools: ['Write'],
      sessionId: 's',
      continue: false,
      outputFormat: 'stream-json',
      debug: true,
      workingDir: '/w',
      projectSettings: true,
      files: ['a', '*.ts'],
      images: ['b.png'],
      autoAllowPermissions: true,
      appendSystemPrompt: ' p ',
      maxTurns: 3,
      maxBudgetUsd: 0.5,
      addDirs: ['/d'],
      agents: { reviewer: { description: 'd', prompt: 'p', tools: ['Read'] } },
      timeoutSeconds: 1.5,
      includeActivity: true,
      allowDegraded: true,
      cache: 'exact',
    } satisfies ClaudeOptions)
  })

  const servers = {
    files: { command: 'x', args: ['-y'], env: { KEY: 'v' } },
    web: { type: 'http', url: 'https://a' },
  }
  it.each<[string, unknown, unknown]>([
    ['an object with mcpServers', { mcpServers: servers }, { type: 'servers', servers }],
    ['a bare map', servers, { type: 'servers', servers }],
    ['a JSON string', ` ${JSON.stringify({ mcpServers: servers })}`, { type: 'servers', servers }],
    ['names', ['a', 'b'], { type: 'names', names: ['a', 'b'] }],
    ['a file name', 'mcp.json', { type: 'file', path: 'mcp.json' }],
  ])('take mcp_config as %s', (_name, config, expected) => {
    expect(decoded({ mcp_config: config }).mcpConfig).toEqual(expected)
  })

  it('refuse an unknown key with the list of the known ones', () => {
    const error = failure({ foo: 1 })
    expect(error).toMatchObject({ code: 'unknown_parameter', param: 'claude_options.foo' })
    for (const key of ['tools', 'working_dir', 'include_activity'])
      expect(error.message).toContain(key)
    expect(failure({ agents: { a: { description: 'd', prompt: 'p', foo: 1 } } })).toMatchObject({
      code: 'unknown_parameter',
      param: 'claude_options.agents.a.foo',
    })
  })

  it.each<[unknown, string, string]>([
    ['x', 'invalid_type', 'claude_options'],
    [{ tools: 'Read' }, 'invalid_type', 'claude_options.tools'],
    [{ tools: [1] }, 'invalid_type', 'claude_options.tools[0]'],
    [{ tools: [''] }, 'invalid_value', 'claude_options.tools[0]'],
    [{ output_format: 'xml' }, 'invalid_value', 'claude_options.output_format'],
    [{ debug: 'yes' }, 'invalid_type', 'claude_options.debug'],
    [{ max_turns: 0 }, 'invalid_value', 'claude_options.max_turns'],
    [{ max_budget_usd: 0 }, 'invalid_value', 'claude_options.max_budget_usd'],
    [{ timeout_seconds: -1 }, 'invalid_value', 'claude_options.timeout_seconds'],
    [
      { agents: { a: { prompt: 'p' } } },
      'missing_required_parameter',
      'claude_options.agents.a.description',
    ],
    [{ continue: true, session_id: 's' }, 'invalid_value', 'claude_options.continue'],
    [{ mcp_config: 5 }, 'invalid_type', 'claude_options.mcp_config'],
    [{ mcp_config: '{"a":' }, 'invalid_value', 'claude_options.mcp_config'],
    [
      { mcp_config: { a: {} } },
      'missing_required_parameter',
      'claude_options.mcp_config.a.command',
    ],
    [{ mcp_config: { a: { type: 'ws' } } }, 'invalid_value', 'claude_options.mcp_config.a.type'],
    [
      { mcp_config: { mcpServers: { a: { command: 'x', foo: 1 } } } },
      'unknown_parameter',
      'claude_options.mcp_config.mcpServers.a.foo',
    ],
    [
      { mcp_config: '{"a":{"type":"http"}}' },
      'missing_required_parameter',
      'claude_options.mcp_config.a.url',
    ],
  ])('refuse %j', (options, code, param) => {
    expect(failure(options)).toMatchObject({ code, param })
  })

  it('never quote what may be a secret', () => {
    const headers = { Authorization: ['Bearer s3cret'] }
    expect(
      failure({ mcp_config: { a: { type: 'http', url: 'https://a', headers } } }).message,
    ).not.toContain('s3cret')
    expect(failure({ mcp_config: '{"a":{"env":{"KEY":"s3cret"' }).message).not.toContain('s3cret')
  })
})
