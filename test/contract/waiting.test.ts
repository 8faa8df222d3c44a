import { once } from 'node:events'
import { createServer } from 'node:http'
import { platform } from 'node:os'
import type { McpServerConfig } from '@anthropic-ai/claude-agent-sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Introduction } from '../../src/engine/processes/claude-process.ts'
import { defaultClaudeOptions } from '../../src/turn/claude-options.ts'
import { systemText } from '../scripted-anthropic/server.ts'
import { commandLine, Stage, type TestProcess } from './support.ts'

const stage = await Stage.open()
const room = stage.newRoom(1)
afterAll(async () => {
  room.close()
  mcp.close()
  mcp.closeAllConnections()
  await stage.close()
})

const secret = 'Bearer secret-of-an-mcp-server'
/** An MCP server that refuses everything and keeps what it was sent. */
const authorizations: (string | undefined)[] = []
const mcp = createServer((request, response) => {
  authorizations.push(request.headers.authorization)
  response.writeHead(404).end()
})

function serverWith(authorization: string): Record<string, McpServerConfig> {
  const address = mcp.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const headers = { Authorization: authorization }
  return { late: { type: 'http', url: `http://127.0.0.1:${port}/`, headers } }
}

/** Linux tells what the process itself sees; elsewhere it is what it was started with. */
async function argumentsOf(process: TestProcess): Promise<string[]> {
  return platform() === 'linux' ? commandLine(process.pid) : (process.child?.spawnargs ?? [])
}

describe('a process that was started ahead', () => {
  let waited: boolean
  let pids: { waiting: number | undefined; used: number }
  let introduction: Introduction
  let system: string
  let words: string[]

  beforeAll(async () => {
    await once(mcp.listen(0, '127.0.0.1'), 'listening')
    for (const prompt of ['The first prompt.', 'The second prompt.']) {
      await using process = await stage.start({
        room,
        turn: { instructions: [prompt] },
        decisions: { mcpServers: serverWith('Bearer of-another-caller') },
      })
      expect(process.waited).toBe(false)
    }
    // A kind of process that was used twice is worth one that waits.
    room.refill()
    const waiting = stage.children.at(-1)?.pid
    const agents = { 'late-agent': { description: 'Comes late', prompt: 'Be late.' } }
    await using process = await stage.start({
      room,
      turn: {
        instructions: ['The late prompt.'],
        claude: { ...defaultClaudeOptions, agents },
      },
      decisions: { mcpServers: serverWith(secret) },
    })
    waited = process.waited
    pids = { waiting, used: process.pid }
    introduction = await process.introduction()
    await process.turn('Hello')
    system = systemText(stage.lastRequest)
    words = await argumentsOf(process)
  })

  it('is taken for a turn with another system prompt, agents and MCP servers', () => {
    expect(waited).toBe(true)
    expect(pids.used).toBe(pids.waiting)
  })

  it('takes the system prompt from a late initialize', () => {
    expect(system).toBe('The late prompt.')
  })

  it('takes agents from a late initialize', () => {
    expect(introduction.agents.map(({ name }) => name)).toContain('late-agent')
  })

  it('takes MCP servers, with their headers, from a late initialize', () => {
    expect(authorizations).toContain(secret)
  })

  it('has neither system prompt nor MCP secret on its command line', () => {
    expect(words.join(' ')).toContain('--output-format stream-json')
    expect(words.join(' ')).toContain('--await-initialize')
    expect(words.join(' ')).not.toMatch(/prompt\.|Bearer|late|127\.0\.0\.1/)
  })

  it('is of another kind with MCP servers than without', async () => {
    await using process = await stage.start({ room })
    expect(process.waited).toBe(false)
    expect(await argumentsOf(process)).not.toContain('--await-initialize')
  })
})
