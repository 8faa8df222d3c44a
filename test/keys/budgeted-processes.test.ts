import { readFile } from 'node:fs/promises'
import { platform } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, type Asking } from '../api/server/support.ts'
import { callsTools, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { clientWith, makeKey } from './support.ts'

/** Two cents, by Claude Code's own estimate, where a turn may cost five. */
const usage = { input_tokens: 10_000 }
const limits = { usd_per_day: 100, usd_per_turn: 0.05 }
let server: TestServer
let client: ReturnType<typeof clientWith>

beforeAll(async () => {
  server = await startTestServer({ WAITING_PROCESSES: '0' })
  const { text } = await makeKey(server, { policy: { limits } })
  client = clientWith(server, text)
})
afterAll(() => server.close())

/** Questions and answers of one conversation, `count` of them; the reasons why the answers ended. */
async function converse(count: number, more: Asking = {}): Promise<(string | undefined)[]> {
  const messages: { role: 'user' | 'assistant'; content: string }[] = []
  const reasons: (string | undefined)[] = []
  for (let n = 0; n < count; n++) {
    messages.push({ role: 'user', content: `question ${n}` })
    const { answer, text } = await ask(client, { messages, ...more })
    messages.push({ role: 'assistant', content: text })
    reasons.push(answer.choices[0]?.finish_reason)
  }
  return reasons
}

async function budgetFlags(): Promise<boolean[]> {
  const running = await server.processes()
  const lines = await Promise.all(
    running.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return lines.map((line) => line.includes('--max-budget-usd'))
}

describe('a key with a budget', { timeout: 120_000 }, () => {
  it('talks in processes that are kept and used again, and no turn pays for the one before', async () => {
    server.anthropic.respond = () => says('Hi.', { usage })
    const pids = new Set<number>()
    const note = async (): Promise<void> => {
      for (const { pid } of await server.processes()) pids.add(pid)
    }
    expect(await converse(4)).toEqual(['stop', 'stop', 'stop', 'stop'])
    await note()
    for (let n = 0; n < 8; n++) {
      await ask(client, { messages: [{ role: 'user', content: `another ${n}` }] })
      await note()
    }
    expect(pids.size).toBeLessThan(8)
    if (platform() === 'linux') expect(await budgetFlags()).not.toContain(true)
  })

  it('has each turn with tools to itself: it ends when it is spent, and not for those before it', async () => {
    const tools = { claude_options: { tools: ['Read'], working_dir: server.workspace } }
    server.anthropic.respond = () => says('Hi.', { usage })
    expect(await converse(4, tools)).toEqual(['stop', 'stop', 'stop', 'stop'])
    const read = { name: 'Read', input: { file_path: join(server.workspace, 'none.txt') } }
    server.anthropic.respond = () => callsTools([read], { usage })
    const before = server.anthropic.requests.length
    expect(await converse(1, tools)).toEqual(['length'])
    expect(server.anthropic.requests.length - before).toBe(3)
  })
})
