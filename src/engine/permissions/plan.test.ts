import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultClaudeOptions, type ClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import { planPermissions, type ToolPlace, type ToolPolicy } from './plan.ts'
import { defaultNames } from './tools.ts'

let root: string
let place: ToolPlace
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'plan-')))
  for (const folder of ['work', 'data/workspaces/mine', 'home/.ssh', 'elsewhere'])
    await mkdir(join(root, folder), { recursive: true })
  place = {
    cwd: join(root, 'work'),
    addDirs: [],
    roots: [join(root, 'work'), join(root, 'home')],
    forbidden: [join(root, 'data')],
    home: join(root, 'home'),
  }
})
afterAll(() => rm(root, { recursive: true }))

const free: ToolPolicy = { allowAutoPermissions: true, sandbox: 'off', allowPrivateNetwork: false }

function plan(
  claude: Partial<ClaudeOptions>,
  policy: Partial<ToolPolicy> = {},
  where: Partial<ToolPlace> = {},
) {
  return planPermissions(
    { ...defaultClaudeOptions, ...claude },
    { ...free, ...policy },
    { ...place, ...where },
  )
}

function failure(run: () => unknown): { code: string; param: string | undefined; message: string } {
  try {
    run()
  } catch (error) {
    if (error instanceof TurnError)
      return { code: error.code, param: error.param, message: error.message }
    throw error
  }
  throw new Error('nothing was thrown')
}

/** What the hook says of a use: the reason of a refusal, or nothing. */
async function ask(
  planned: ReturnType<typeof plan>,
  tool: string,
  input: Record<string, unknown>,
): Promise<string | undefined> {
  const hook = planned.options.hooks?.PreToolUse?.[0]?.hooks[0]
  const event = {
    hook_event_name: 'PreToolUse' as const,
    tool_name: tool,
    tool_input: input,
    tool_use_id: 'x',
    session_id: 's',
    transcript_path: join(root, 'data', 's.jsonl'),
    cwd: place.cwd,
  }
  const answer = await hook?.(event, 'x', { signal: new AbortController().signal })
  const said = answer && 'hookSpecificOutput' in answer ? answer.hookSpecificOutput : undefined
  return said?.hookEventName === 'PreToolUse' ? said.permissionDecisionReason : undefined
}

describe('planPermissions', () => {
  it('gives no built-in tools when none are asked for', () => {
    const { options, agentic } = plan({})
    expect(agentic).toBe(false)
    expect(options.tools).toEqual([])
    expect(Object.keys(options).toSorted()).toEqual([
      'canUseTool',
      'hooks',
      'permissionMode',
      'tools',
    ])
  })

  it('never puts a bare name into allowedTools', () => {
    const { options } = plan({ tools: ['Read', 'Bash', 'Edit(src/**)', 'Bash(*)'] })
    expect(options.tools).toEqual(['Read', 'Bash', 'Edit'])
    expect(options.allowedTools).toBeUndefined()
    expect(plan({ tools: ['Bash(git *)', 'Read'] }).options.allowedTools).toEqual(['Bash(git *)'])
    expect(
      plan({ tools: ['Bash'] }, { allowedTools: ['Bash(git *)'] }).options.allowedTools,
    ).toEqual(['Bash(git *)'])
  })

  it.each([
    [['Read', 'Nope'], 1, /Read.*WebSearch/],
    [['Read('], 0, /not a rule/],
    [['Read()'], 0, /not a rule/],
    [[''], 0, /not a rule/],
    [['MultiEdit'], 0, /use Edit/],
    [['AskUserQuestion'], 0, /person/],
    [['CronCreate'], 0, /outlive/],
    [['WebSearch(x)'], 0, /takes none/],
    [['WebFetch(example.com)'], 0, /domain:example.com/],
    [['mcp__'], 0, /mcp__server/],
    [['constructor'], 0, /names no tool/],
  ])('answers tools %j with a 400 naming the entry', (tools, index, message) => {
    const found = failure(() => plan({ tools }))
    expect(found).toMatchObject({ code: 'invalid_value', param: `claude_options.tools[${index}]` })
    expect(found.message).toMatch(message)
    expect(found.message).toContain('WebSearch')
  })

  it('answers an unknown disallowed tool with a 400, and takes one that is not offered', () => {
    expect(failure(() => plan({ disallowedTools: ['Nope'] })).param).toBe(
      'claude_options.disallowed_tools[0]',
    )
    expect(plan({ disallowedTools: ['Monitor', 'MultiEdit'] }).options.disallowedTools).toEqual([
      'Monitor',
      'Edit',
    ])
  })

  it('turns the default tools on with auto_allow_permissions, as far as the owner allows', () => {
    expect(plan({ autoAllowPermissions: true }).options.tools).toEqual(defaultNames)
    expect(plan({ autoAllowPermissions: true, tools: ['Read'] }).options.tools).toEqual(['Read'])
    expect(
      plan({ autoAllowPermissions: true, disallowedTools: ['Read'] }).options.tools,
    ).not.toContain('Read')
    expect(
      plan({ autoAllowPermissions: true }, { allowedTools: ['Read', 'Bash(git *)'] }).options.tools,
    ).toEqual(['Bash', 'Read'])
  })

  it('names the setting by which the owner forbids', () => {
    expect(
      failure(() => plan({ autoAllowPermissions: true }, { allowAutoPermissions: false })),
    ).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('ALLOW_AUTO_PERMISSIONS'),
    })
    const outside = {
      code: 'forbidden',
      param: 'claude_options.tools[0]',
      message: expect.stringContaining('ALLOWED_TOOLS'),
    }
    expect(failure(() => plan({ tools: ['Write'] }, { allowedTools: ['Read'] }))).toMatchObject(
      outside,
    )
    expect(
      failure(() => plan({ tools: ['mcp__b__x'] }, { allowedTools: ['mcp__a'] })),
    ).toMatchObject(outside)
    expect(plan({ tools: ['mcp__a__x'] }, { allowedTools: ['mcp__a'] }).options.tools).toEqual([])
  })

  it('leaves Bash out, or refuses it, without a sandbox', () => {
    const planned = plan({ autoAllowPermissions: true }, { sandbox: 'unavailable' })
    expect(planned.options.tools).not.toContain('Bash')
    expect(planned.notices).toEqual([{ type: 'remark', text: expect.stringContaining('SANDBOX') }])
    const found = failure(() => plan({ tools: ['Bash(git *)'] }, { sandbox: 'unavailable' }))
    expect(found).toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/bubblewrap.*SANDBOX/),
    })
    expect(plan({ tools: ['Bash'] }, { sandbox: 'available' }).options.sandbox).toMatchObject({
      enabled: true,
      autoAllowBashIfSandboxed: false,
    })
    expect(plan({ tools: ['Bash'] }).options.sandbox).toBeUndefined()
  })

  it('refuses working folders outside the roots and forbidden ones, but not the own folder', () => {
    const use = { tools: ['Read'] }
    expect(failure(() => plan(use, {}, { cwd: join(root, 'elsewhere') })).message).toContain(
      'WORKSPACE_ROOTS',
    )
    expect(failure(() => plan(use, {}, { cwd: join(root, 'home', '.ssh') })).code).toBe('forbidden')
    expect(failure(() => plan(use, {}, { addDirs: [join(root, 'data')] })).param).toBe(
      'claude_options.add_dirs',
    )
    const own = join(root, 'data', 'workspaces', 'mine')
    expect(plan(use, {}, { cwd: own, ownFolder: own }).agentic).toBe(true)
  })

  it('keeps searches out of credentials inside a working folder', () => {
    const { options } = plan(
      { tools: ['Grep', 'Bash'] },
      { sandbox: 'available' },
      { cwd: join(root, 'home') },
    )
    expect(options.disallowedTools).toContain(`Read(/${join(root, 'home', '.ssh')}/**)`)
    expect(options.sandbox?.filesystem?.denyRead).toContain(join(root, 'home', '.ssh'))
  })
})

describe('the wall of a plan', () => {
  it('judges each use', async () => {
    const planned = plan({
      tools: ['Read(src/**)', 'Glob', 'Bash', 'WebFetch(domain:docs.example)', 'Agent(reader)'],
      disallowedTools: ['Read(src/secret/**)'],
    })
    expect(await ask(planned, 'Read', { file_path: 'src/a.ts' })).toBeUndefined()
    expect(await ask(planned, 'Read', { file_path: 'lib/a.ts' })).toContain('Read(src/**)')
    expect(await ask(planned, 'Read', { file_path: 'src/secret/a' })).toContain('disallowed')
    expect(await ask(planned, 'Glob', { pattern: '*', path: 'src/secret/x' })).toContain(
      'disallowed',
    )
    expect(await ask(planned, 'Read', { file_path: 'src/../../elsewhere/a' })).toBeDefined()
    expect(await ask(planned, 'Read', {})).toContain('could not be checked')
    expect(await ask(planned, 'Read', { file_path: ['src/a.ts'] })).toContain(
      'could not be checked',
    )
    expect(await ask(planned, 'Write', { file_path: 'src/a.ts' })).toContain('not among the tools')
    expect(await ask(planned, 'NewTool', {})).toContain('not among the tools')
    expect(await ask(planned, 'Bash', { command: 'x', run_in_background: true })).toContain(
      'foreground',
    )
    expect(await ask(planned, 'WebFetch', { url: 'https://other.example/' })).toContain(
      'domain:docs.example',
    )
    expect(await ask(planned, 'Agent', { subagent_type: 'reader' })).toBeUndefined()
    expect(await ask(planned, 'Agent', { subagent_type: 'writer' })).toBeDefined()
    expect(
      await ask(planned, 'Agent', { subagent_type: 'reader', isolation: 'worktree' }),
    ).toContain('isolation')
  })

  it('answers what Claude Code would ask a person', async () => {
    const planned = plan({ tools: ['Write'] })
    const context = { signal: new AbortController().signal, toolUseID: 'x', requestId: 'r' }
    const input = { file_path: join(place.cwd, 'a'), content: 'x' }
    expect(await planned.options.canUseTool?.('Write', input, context)).toEqual({
      behavior: 'allow',
      updatedInput: input,
    })
    expect(
      await planned.options.canUseTool?.('Write', { file_path: '/etc/a' }, context),
    ).toMatchObject({ behavior: 'deny' })
    const limited = plan({ tools: ['Bash(git *)'] })
    expect(
      await limited.options.canUseTool?.('Bash', { command: 'git status' }, context),
    ).toMatchObject({ behavior: 'deny' })
  })

  it('fetches no address of a private network', async () => {
    const input = { url: 'http://127.0.0.1:8082/' }
    expect(await ask(plan({ tools: ['WebFetch'] }), 'WebFetch', input)).toContain(
      'ALLOW_PRIVATE_NETWORK',
    )
    expect(
      await ask(plan({ tools: ['WebFetch'] }, { allowPrivateNetwork: true }), 'WebFetch', input),
    ).toBeUndefined()
  })

  it('keeps the results of other sessions closed', async () => {
    const planned = plan({ tools: ['Read'] })
    expect(
      await ask(planned, 'Read', { file_path: join(root, 'data', 's', 'tool-results', 'a.txt') }),
    ).toBeUndefined()
    expect(
      await ask(planned, 'Read', {
        file_path: join(root, 'data', 'other', 'tool-results', 'a.txt'),
      }),
    ).toBeDefined()
    expect(
      await ask(planned, 'Read', {
        file_path: join(root, 'data', 's', 'tool-results', '..', '..', 's.jsonl'),
      }),
    ).toBeDefined()
  })
})
