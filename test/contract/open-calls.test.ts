import { afterAll, describe, expect, it } from 'vitest'
import { ClientTools } from '../../src/engine/tools/client-tools.ts'
import { pendingCalls } from '../../src/engine/conversation/pending-calls.ts'
import { transcriptPath } from '../../src/engine/conversation/transcript.ts'
import { defaultClaudeOptions } from '../../src/turn/claude-options.ts'
import type { FunctionTool } from '../../src/turn/tool.ts'
import { callsTools, conversation } from '../scripted-anthropic/server.ts'
import { Stage, type StartOptions, type TestProcess } from './support.ts'
import { turnOf } from './turns.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

const lookUp: FunctionTool = { kind: 'function', name: 'look_up', strict: false }
const turn = turnOf({
  tools: [lookUp],
  claude: { ...defaultClaudeOptions, tools: ['Bash'] },
})
const tools = new ClientTools(turn)

function start(decisions: StartOptions['decisions'] = {}): Promise<TestProcess> {
  return stage.start({
    turn,
    decisions: { ...decisions, clientTools: tools },
    options: {
      tools: ['Bash'],
      hooks: { PreToolUse: [{ hooks: [tools.decide] }] },
      canUseTool: async (_, input) => ({ behavior: 'allow', updatedInput: input }),
    },
  })
}

/** A turn that ends with two calls open; the session that waits for their results. */
async function called(process: TestProcess): Promise<string> {
  stage.anthropic.enqueue(
    callsTools([
      { id: 'toolu_1', name: 'look_up', input: {} },
      { id: 'toolu_b', name: 'Bash', input: { command: 'echo word', description: 'Says it' } },
      { id: 'toolu_2', name: 'look_up', input: {} },
    ]),
  )
  const result = await process.turn('Hi')
  expect(result).toMatchObject({ terminal_reason: 'tool_deferred' })
  return result.session_id
}

function pathOf(sessionId: string): string {
  const { configDir: claudeDir, folder, claude } = stage
  return transcriptPath({ claudeDir, folder, sessionId, version: claude.version })
}

// Why a session's open calls are looked up, and a request without their results is refused (pending-calls.ts).
describe('open calls', () => {
  it('are noted in the transcript when the turn’s result arrives, a built-in tool’s not among them', async () => {
    await using process = await start()
    const sessionId = await called(process)
    expect(await pendingCalls(pathOf(sessionId))).toEqual(['toolu_1', 'toolu_2'])
  })

  it('get results that Claude Code makes up when the process is told something else', async () => {
    await using process = await start()
    const sessionId = await called(process)
    await process.turn('Never mind')
    const blocks = conversation(stage.lastRequest).flatMap(({ content }) => content)
    const results = blocks.filter(({ type }) => type === 'tool_result')
    expect(JSON.stringify(results)).toContain('Tool result missing due to internal error')
    expect(await pendingCalls(pathOf(sessionId))).toEqual([])
  })

  it('are taken up by a process that resumes, and the words that it is sent are no question of theirs', async () => {
    let resume: string
    {
      await using process = await start()
      resume = await called(process)
    }
    const before = stage.anthropic.requests.length
    await using process = await start({ resume })
    const result = await process.turn('Never mind')
    expect(result.terminal_reason).not.toBe('completed')
    expect(stage.anthropic.requests).toHaveLength(before)
  })
})
