import { describe, expect, it } from 'vitest'
import { type ClaudeOptions, defaultClaudeOptions } from '../turn/claude-options.ts'
import { plainTurn, type Turn } from '../turn/turn.ts'
import { degrade } from './degrade.ts'

function turnOf(claude: Partial<ClaudeOptions> = {}, more: Partial<Turn> = {}): Turn {
  return {
    ...plainTurn,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    claude: { ...defaultClaudeOptions, ...claude },
    source: { dialect: 'openai-chat', body: {} },
    ...more,
  }
}

describe('degrade', () => {
  it('leaves a plain turn as it is', () => {
    const turn = turnOf({}, { model: 'gpt-4o', effort: 'high' })
    expect(degrade(turn)).toEqual({ type: 'possible', turn, notices: [] })
  })

  it('leaves tools, the choice among them and the form of the answer, and names none', () => {
    const turn = turnOf(
      {},
      {
        tools: [{ kind: 'function', name: 'f', strict: true }],
        toolChoice: { type: 'required' },
        parallelToolCalls: false,
        output: { type: 'json-object' },
      },
    )
    expect(degrade(turn)).toEqual({ type: 'possible', turn, notices: [] })
  })

  it.each<[Partial<ClaudeOptions>, string[]]>([
    [{ tools: ['Read'] }, ['tools']],
    [{ tools: ['Read'], disallowedTools: ['Bash'] }, ['tools', 'disallowed_tools']],
    [{ tools: ['Read'], workingDir: 'x' }, ['tools', 'working_dir']],
    [{ sessionId: 'x' }, ['session_id']],
    [{ continue: true }, ['continue']],
    [{ mcpConfig: { type: 'names', names: ['x'] } }, ['mcp_config']],
    [{ autoAllowPermissions: true }, ['auto_allow_permissions']],
    [{ agents: {} }, ['agents']],
    [{ addDirs: ['x'] }, ['add_dirs']],
    [{ projectSettings: true }, ['project_settings']],
    [{ maxTurns: 2 }, ['max_turns']],
  ])('refuses %j', (claude, options) => {
    expect(degrade(turnOf(claude))).toEqual({ type: 'impossible', options })
  })

  it('keeps what can go along, and what means nothing without tools', () => {
    const turn = turnOf({
      files: ['a'],
      images: ['b'],
      appendSystemPrompt: 'c',
      workingDir: 'd',
      disallowedTools: ['Bash'],
    })
    expect(degrade(turn)).toEqual({ type: 'possible', turn, notices: [] })
  })

  it('says that what Claude thought stays behind', () => {
    const said = { type: 'text', text: 'Ho' } as const
    const content = [{ type: 'sealed-reasoning', data: 'x' } as const, said]
    const turn = turnOf({}, { messages: [...turnOf().messages, { role: 'assistant', content }] })
    expect(degrade(turn)).toEqual({
      type: 'possible',
      turn,
      notices: [{ type: 'remark', text: 'thinking in the messages was left out' }],
    })
  })

  it('drops the conveniences and says so', () => {
    const turn = turnOf(
      {
        debug: true,
        outputFormat: 'json',
        includeActivity: true,
        maxBudgetUsd: 1,
        timeoutSeconds: 9,
      },
      {
        effort: 'max',
        source: { dialect: 'openai-chat', body: { claude_options: { effort: 'max' } } },
      },
    )
    const { source } = turn
    expect(degrade(turn)).toEqual({
      type: 'possible',
      turn: turnOf({}, { source }),
      notices: [
        'debug',
        'output_format',
        'effort',
        'include_activity',
        'max_budget_usd',
        'timeout_seconds',
      ].map((name) => ({ type: 'dropped-option', name })),
    })
  })
})
