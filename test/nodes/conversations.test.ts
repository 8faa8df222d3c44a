import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { said } from '../api/options/support.ts'
import { ask as askAny, failure } from '../api/server/support.ts'
import { ask, body, twoCalls, withResults } from '../functions/continued.ts'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { goOn } from '../sessions/support.ts'
import { postgresPrograms } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { type Nodes, startNodes, usePostgres } from './support.ts'

/** What the model was sent last. */
function lastConversation({ anthropic }: Nodes) {
  return conversation(anthropic.requests.at(-1) ?? expect.fail('The model was not asked.'))
}

function two({ all: [one, other] }: Nodes): [TestServer, TestServer] {
  if (one === undefined || other === undefined) return expect.fail('There are no two nodes.')
  return [one, other]
}

describe.skipIf(postgresPrograms === undefined)(
  'a conversation of two nodes (needs the programs of Postgres)',
  { timeout: 90_000 },
  () => {
    const postgres = usePostgres()

    it('takes the results of functions on the node that did not call them, and back', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const [one, other] = two(nodes)
      const next = callsTools([{ id: 'toolu_3', name: 'get_time', input: { city: 'Rome' } }])
      nodes.anthropic.enqueue(twoCalls, next, says('Noon, and sunny.'))
      const first = await ask(one, {})
      const messages = withResults(first.message)
      const second = await ask(other, { messages })
      expect(second.message.tool_calls).toMatchObject([{ id: 'toolu_3' }])
      const atOther = lastConversation(nodes)
      const result = { role: 'tool' as const, tool_call_id: 'toolu_3', content: 'noon' }
      const third = await ask(one, { messages: [...messages, second.message, result] })
      expect(third.message.content).toBe('Noon, and sunny.')
      // The process that waits on the first node knows nothing of the second call, and is not asked.
      expect(third.session).not.toBe(first.session)
      expect(lastConversation(nodes).slice(0, atOther.length)).toEqual(atOther)
      expect(lastConversation(nodes)).toHaveLength(atOther.length + 2)
      expect(JSON.stringify(lastConversation(nodes).at(-1))).toContain('noon')
    })

    it('sends each node what a single one would send the model', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const [one, other] = two(nodes)
      nodes.anthropic.enqueue(twoCalls, says('Sunny.'), says('Sunny.'))
      const first = await ask(one, {})
      const messages = withResults(first.message)
      await ask(one, { messages })
      const atOne = lastConversation(nodes)
      await ask(other, { messages })
      expect(lastConversation(nodes)).toEqual(atOne)
      expect(atOne).toHaveLength(body.messages.length + 1)
    })

    it('as a session goes on at the other node, and back at the first', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const [one, other] = two(nodes)
      nodes.anthropic.enqueue(says('Noted.'), says('Noted as well.'), says('Both.'))
      const { answer } = await askAny(one.client, {
        claude_options: { working_dir: nodes.workspace },
      })
      // The process of the first turn waits on the first node, and knows nothing of the second.
      const id = answer.claude?.session_id
      expect((await goOn(other, id, 'And this?')).text).toBe('Noted as well.')
      expect((await goOn(one, id, 'What do you know?')).text).toBe('Both.')
      expect(said(nodes.anthropic.requests.at(-1) ?? expect.fail())).toEqual([
        'user: Hello',
        'assistant: Noted.',
        'user: And this?',
        'assistant: Noted as well.',
        'user: What do you know?',
      ])
    })

    it('as a session of the private folder goes on at the other node, which has another', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const [one, other] = two(nodes)
      nodes.anthropic.enqueue(says('Noted.'), says('As before.'))
      const { answer } = await askAny(one.client)
      // Another machine does not have it.
      await rm(join(one.dataDir, 'workspaces'), { recursive: true })
      expect((await goOn(other, answer.claude?.session_id)).text).toBe('As before.')
      expect(said(nodes.anthropic.requests.at(-1) ?? expect.fail())).toEqual([
        'user: Hello',
        'assistant: Noted.',
        'user: And now?',
      ])
    })

    it('as a session in a folder that the other node lacks is refused there, with what to do', async () => {
      await using nodes = await startNodes(postgres(), 2)
      const [one, other] = two(nodes)
      const working_dir = join(nodes.workspace, 'project')
      await mkdir(working_dir)
      nodes.anthropic.enqueue(says('Noted.'), says('Elsewhere.'))
      const { answer } = await askAny(one.client, { claude_options: { working_dir } })
      const session_id = answer.claude?.session_id
      await rm(working_dir, { recursive: true })
      const refusal = await failure(goOn(other, session_id))
      expect(refusal).toMatchObject({ status: 400, param: 'claude_options.session_id' })
      expect(refusal.message).toContain(working_dir)
      const claude_options = { session_id, working_dir: nodes.workspace }
      expect((await askAny(other.client, { claude_options })).text).toBe('Elsewhere.')
    })
  },
)
