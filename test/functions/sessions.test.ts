import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { ask, killAll, twoCalls, withResults } from './continued.ts'
import { type Chat, requestsDuring } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const ways: Record<string, { before?: () => Promise<void>; request?: Partial<Chat> }> = {
  'the process that waits': {},
  'another process, since that one was killed': { before: () => killAll(server) },
  'another process, since the options have changed': { request: { tool_choice: 'none' } },
}

describe('a session with functions', () => {
  it.each(Object.keys(ways))('goes on with the results alone, in %s', async (way) => {
    const { before, request } = ways[way] ?? {}
    server.anthropic.enqueue(twoCalls, says('Sunny.'), says('Still.'))
    const first = await ask(server, {})
    await before?.()
    const messages = withResults(first.message).slice(-3)
    const claude_options = { session_id: first.session }
    const { value, requests } = await requestsDuring(server, () =>
      ask(server, { messages, claude_options, ...request }),
    )
    expect(value.message.content).toBe('Sunny.')
    expect(value.session).toBe(first.session)
    expect(requests).toHaveLength(1)
    const seen = conversation(requests[0] ?? expect.fail())
    expect(seen.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(seen[2]?.content).toEqual([
      { type: 'tool_result', tool_use_id: 'toolu_2', content: [text('sun toolu_2')] },
      { type: 'tool_result', tool_use_id: 'toolu_1', content: [text('sun toolu_1')] },
    ])
    const next = await requestsDuring(server, () =>
      ask(server, { messages: [{ role: 'user', content: 'Sure?' }], claude_options, ...request }),
    )
    expect(next.value.message.content).toBe('Still.')
    const last = conversation(next.requests[0] ?? expect.fail())
    expect(last.slice(3)).toEqual([
      { role: 'assistant', content: [text('Sunny.')] },
      { role: 'user', content: [text('Sure?')] },
    ])
  })

  it.each([
    ['the process that waits', async () => {}],
    ['another process, since that one was killed', () => killAll(server)],
  ])('refuses what passes its open calls over, and goes on in %s', async (_, before) => {
    server.anthropic.enqueue(twoCalls)
    const { message, session } = await ask(server, {})
    await before()
    const results = withResults(message).slice(-3)
    const renamed = JSON.parse(JSON.stringify(results).replaceAll('toolu_1', 'toolu_9'))
    const [only] = message.tool_calls ?? []
    const refused: [Chat['messages'], RegExp][] = [
      [[{ role: 'user', content: 'Never mind.' }], /these calls: toolu_1, toolu_2\./],
      [
        [{ ...message, tool_calls: only && [only] }, ...results.slice(-1)],
        /these calls: toolu_2\./,
      ],
      [renamed, /these calls: toolu_1\./],
    ]
    const claude_options = { session_id: session }
    const { requests } = await requestsDuring(server, async () => {
      for (const [messages, text] of refused) {
        await expect(ask(server, { messages, claude_options })).rejects.toMatchObject({
          status: 400,
          code: 'invalid_value',
          param: 'messages',
          message: expect.stringMatching(text),
        })
      }
      await expect(
        ask(server, { messages: refused[0]?.[0] ?? [], claude_options: { continue: true } }),
      ).rejects.toMatchObject({ status: 400 })
    })
    expect(requests).toEqual([])
    server.anthropic.enqueue(says('Sunny.'))
    const { value } = await requestsDuring(server, () =>
      ask(server, { messages: results, claude_options }),
    )
    expect(value).toMatchObject({ session, message: { content: 'Sunny.' } })
    // No result of theirs is waited for twice.
    await expect(ask(server, { messages: results, claude_options })).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(/no open calls with these ids: toolu_2, toolu_1\./),
    })
  })

  it('may answer calls again after the next ones', async () => {
    server.anthropic.enqueue(
      twoCalls,
      callsTools([{ id: 'toolu_3', name: 'get_time', input: {} }]),
      says('Noon.'),
    )
    const first = await ask(server, {})
    const claude_options = { session_id: first.session }
    await killAll(server)
    const messages = withResults(first.message).slice(-3)
    const second = await ask(server, { messages, claude_options })
    await killAll(server)
    const more = [second.message, { role: 'tool' as const, tool_call_id: 'toolu_3', content: '12' }]
    const { value, requests } = await requestsDuring(server, () =>
      ask(server, { messages: more, claude_options }),
    )
    expect(value.message.content).toBe('Noon.')
    expect(conversation(requests[0] ?? expect.fail())).toHaveLength(5)
  })
})

function text(value: string) {
  return { type: 'text', text: value }
}
