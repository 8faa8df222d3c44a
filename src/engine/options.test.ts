import { describe, expect, it } from 'vitest'
import type { Tool } from '../turn/tool.ts'
import { plainTurn } from '../turn/turn.ts'
import { ClientTools } from './tools/client-tools.ts'
import { type Decisions, lateSettings, processOptions } from './options.ts'

const tools: Tool[] = [{ kind: 'function', name: 'f', strict: false }]
const single = { ...plainTurn, tools, parallelToolCalls: false }
const oneCall = { type: 'auto', disable_parallel_tool_use: true }

function decisionsOf(turn = single, more: Partial<Decisions> = {}): Decisions {
  return {
    claude: 'claude',
    environment: {},
    folder: '/folder',
    modelListed: true,
    isKept: true,
    mcpServers: {},
    permissions: {},
    agentic: false,
    clientTools: new ClientTools(turn),
    ...more,
  }
}

describe('lateSettings', () => {
  it('forbids a second call where the caller does, and only where there are tools', () => {
    expect(lateSettings(single, decisionsOf()).extraBody).toEqual({ tool_choice: oneCall })
    const parallel = { ...single, parallelToolCalls: true }
    expect(lateSettings(parallel, decisionsOf(parallel)).extraBody).toBeUndefined()
    const none = { ...single, tools: [] }
    expect(lateSettings(none, decisionsOf(none)).extraBody).toBeUndefined()
  })

  it.each([
    ['{"metadata":{"a":1}}', { metadata: { a: 1 }, tool_choice: oneCall }],
    ['no json', { tool_choice: oneCall }],
  ])('keeps what the owner adds to each request: %s', (text, extraBody) => {
    const environment = { CLAUDE_CODE_EXTRA_BODY: text }
    expect(lateSettings(single, decisionsOf(single, { environment })).extraBody).toEqual(extraBody)
  })
})

describe('a tool of the caller’s with the name of one of Claude Code’s', () => {
  const named = ['Bash', 'Agent'].map((name): Tool => ({ kind: 'function', name, strict: false }))
  const turn = { ...plainTurn, tools: named }
  const quiet = { CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS: '1' }

  it('brings nothing of Claude Code’s own with it', () => {
    expect(lateSettings(turn, decisionsOf(turn)).noAttribution).toBe(true)
    expect(processOptions(turn, decisionsOf(turn)).env).toMatchObject(quiet)
  })

  it('changes nothing where Claude Code’s own tools run, or where there is none', () => {
    const agentic = decisionsOf(turn, { agentic: true })
    expect(lateSettings(turn, agentic).noAttribution).toBeUndefined()
    expect(processOptions(turn, agentic).env).not.toMatchObject(quiet)
    expect(lateSettings(single, decisionsOf()).noAttribution).toBeUndefined()
    expect(processOptions(single, decisionsOf()).env).not.toMatchObject(quiet)
  })
})

describe('processOptions', () => {
  it('tells the model of a call that must come, behind the caller’s instructions', () => {
    const turn = {
      ...single,
      instructions: ['Be brief.'],
      toolChoice: { type: 'required' } as const,
    }
    const { systemPrompt } = processOptions(turn, decisionsOf(turn))
    expect(systemPrompt).toMatchObject({
      prompt: ['Be brief.', expect.stringContaining('at least one tool')],
    })
  })

  it('asks for a structured answer by its folded schema', () => {
    const schema = { type: 'object', $schema: 'x' }
    const output = { type: 'json-schema', name: 'x', schema, strict: true } as const
    expect(processOptions({ ...plainTurn, output }, decisionsOf()).outputFormat).toMatchObject({
      type: 'json_schema',
      schema: { type: 'object' },
    })
  })
})
