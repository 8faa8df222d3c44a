import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Introduction } from '../../src/engine/claude-process.ts'
import { defaultClaudeOptions } from '../../src/turn/claude-options.ts'
import { systemText } from '../scripted-anthropic/server.ts'
import { commandLine, Stage } from './support.ts'

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

describe('a process that was started ahead', () => {
  let waited: boolean
  let words: string[]
  let introduction: Introduction
  let pids: { waiting: number | undefined; used: number }
  let system: string

  beforeAll(async () => {
    await once(mcp.listen(0, '127.0.0.1'), 'listening')
    const address = mcp.address()
    const port = typeof address === 'object' ? address?.port : undefined
    {
      await using first = await stage.start({ room, turn: { instructions: ['The first prompt.'] } })
      await first.turn('Hello')
      room.refill()
      // Used once and not pinned: nobody waits yet.
      expect(room.size).toBe(0)
    }
    await using second = await stage.start({ room, turn: { instructions: ['The second prompt.'] } })
    expect(second.waited).toBe(false)
    room.refill()
    const waiting = stage.children.at(-1)?.pid
    await using process = await stage.start({
      room,
      turn: {
        instructions: ['The late prompt.'],
        claude: {
          ...defaultClaudeOptions,
          agents: { 'late-agent': { description: 'Comes late', prompt: 'Be late.' } },
        },
      },
      decisions: {
        mcpServers: {
          late: {
            type: 'http',
            url: `http://127.0.0.1:${port}/`,
            headers: { Authorization: secret },
          },
        },
      },
    })
    waited = process.waited
    pids = { waiting, used: process.pid }
    introduction = await process.introduction()
    await process.turn('Hello')
    system = systemText(stage.lastRequest)
    words = await commandLine(process.pid).catch(() => process.child?.spawnargs ?? [])
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
    expect(words.join(' ')).not.toMatch(/prompt\.|secret-of|late/)
  })
})
