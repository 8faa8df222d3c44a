import type { HookCallback } from '@anthropic-ai/claude-agent-sdk'
import { afterAll, describe, expect, it } from 'vitest'
import type { ApiMessage } from '../../src/engine/conversation/api-messages.ts'
import { ClientTools } from '../../src/engine/tools/client-tools.ts'
import { feed } from '../../src/engine/conversation/history.ts'
import { composeTranscript, writeTranscript } from '../../src/engine/conversation/transcript.ts'
import { callsTools, conversation } from '../scripted-anthropic/server.ts'
import { clock, Stage, type TestProcess } from './support.ts'
import { turnOf } from './turns.ts'

// Why a conversation whose last message is the assistant's is refused (docs/messages.md, docs/decisions/0005-history.md).

const stage = await Stage.open()
afterAll(() => stage.close())

function says(role: 'user' | 'assistant', text: string): ApiMessage {
  return { role, content: [{ type: 'text', text }] }
}

const begun = [says('user', 'Say it'), says('assistant', 'The answer is')]

/** A process that resumes these messages. */
async function composed(environment: Record<string, string> = {}): Promise<TestProcess> {
  const place = {
    claudeDir: stage.configDir,
    folder: stage.folder,
    sessionId: crypto.randomUUID(),
    version: stage.claude.version,
  }
  await writeTranscript(composeTranscript(begun, place, new Date()), place)
  return stage.start({ decisions: { composed: place.sessionId }, environment })
}

describe('an assistant message at the end', () => {
  it.each<[string, () => Promise<TestProcess>]>([
    ['composed', () => composed()],
    [
      'fed',
      async () => {
        const process = await stage.start()
        await feed(process, begun, clock())
        return process
      },
    ],
  ])(
    'that is %s does not stay the last one: Claude Code’s own notes follow as the user’s',
    async (_, start) => {
      await using process = await start()
      await process.turn([])
      const seen = conversation(stage.lastRequest)
      expect(seen.slice(0, -1)).toEqual(begun)
      expect(seen.at(-1)?.role).toBe('user')
      expect(JSON.stringify(seen.at(-1))).toContain('<system-reminder>\\n# Environment')
    },
  )
})

describe('a process that has told its notes', () => {
  it('lets it be the last one, which the first turn of a conversation cannot rely on', async () => {
    await using process = await stage.start()
    await process.turn('Hi')
    await feed(process, begun, clock())
    await process.turn([])
    expect(conversation(stage.lastRequest).slice(-2)).toEqual(begun)
  })
})

describe('Claude Code’s bare mode', () => {
  const bare = { CLAUDE_CODE_SIMPLE: '1' }

  it('has no such notes', async () => {
    await using process = await composed(bare)
    await process.turn([])
    expect(conversation(stage.lastRequest)).toEqual(begun)
  })

  it('takes no login, which is one reason against it', async () => {
    await using process = await stage.start({
      environment: { ...bare, ANTHROPIC_API_KEY: undefined, CLAUDE_CODE_OAUTH_TOKEN: 'made-up' },
    })
    expect(await process.failed('Hi')).toMatchObject({ code: 'claude_not_logged_in' })
  })

  it.each([
    ['asks no hook, which is the other: functions could not be deferred', bare, 0],
    ['is what keeps the hook from being asked', {}, 1],
  ])('%s', async (_, environment, times) => {
    const turn = turnOf({ tools: [{ kind: 'function', name: 'look_up', strict: false }] })
    let asked = 0
    const hook: HookCallback = async () => {
      asked++
      return {}
    }
    const decisions = {
      clientTools: new ClientTools(turn),
      permissions: { hooks: { PreToolUse: [{ hooks: [hook] }] } },
    }
    await using process = await stage.start({ turn, decisions, environment })
    stage.anthropic.enqueue(callsTools([{ name: 'look_up', input: {} }]))
    await process.turn('Hi')
    expect(asked).toBe(times)
  })
})
