import { join } from 'node:path'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cancellation } from '../../src/turn/cancellation.ts'
import { loadConfig } from '../../src/config/load.ts'
import { decode } from '../../src/dialects/openai-chat/decode.ts'
import { Engine } from '../../src/engine/engine.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { silentTelemetry } from '../../src/telemetry/silent.ts'
import { collect } from '../../src/turn/result.ts'
import {
  callsTools,
  conversation,
  type RecordedRequest,
  says,
  systemText,
} from '../scripted-anthropic/server.ts'
import { claudeEnvironment } from '../support/claude.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { ask, body, killAll, twoCalls, withResults } from './continued.ts'
import { type Chat, cityTool, requestsDuring, weather } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

/** What the model is to know, without what is new each time. */
function essence(request: RecordedRequest | undefined) {
  if (!request) return expect.fail('The model was not asked.')
  const { model, max_tokens, tools, thinking, output_config } = request.body
  const system = systemText(request)
  return {
    messages: conversation(request),
    system,
    model,
    max_tokens,
    tools,
    thinking,
    output_config,
  }
}

/** The same question to a server that knows nothing of the conversation. */
async function askedAnew(messages: ChatCompletionMessageParam[]) {
  await using other = await startTestServer()
  await ask(other, { messages })
  return essence(other.anthropic.requests[0])
}

describe('the results of calls', () => {
  it('go to the process that waits for them, which asks the model what a new one would', async () => {
    server.anthropic.enqueue(twoCalls, says('Sunny.'))
    const first = await ask(server, {})
    const messages = withResults(first.message)
    const { value, requests } = await requestsDuring(server, () => ask(server, { messages }))
    expect(value.message.content).toBe('Sunny.')
    expect(value.session).toBe(first.session)
    expect(requests).toHaveLength(1)
    expect(essence(requests[0])).toEqual(await askedAnew(messages))
  })

  it('go to that process once more after the next calls', async () => {
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: {} }]),
      callsTools([{ id: 'toolu_2', name: 'get_time', input: {} }]),
      says('Done.'),
    )
    const first = await ask(server, {})
    const messages = withResults(first.message)
    const second = await ask(server, { messages })
    const more = [
      ...messages,
      second.message,
      { role: 'tool' as const, tool_call_id: 'toolu_2', content: 'noon' },
    ]
    const { value, requests } = await requestsDuring(server, () => ask(server, { messages: more }))
    expect(value.session).toBe(first.session)
    expect(essence(requests[0])).toEqual(await askedAnew(more))
  })

  it('are taken in another process when the conversation branches', async () => {
    server.anthropic.enqueue(twoCalls, says('Sunny.'), says('Rainy.'))
    const first = await ask(server, {})
    const sunny = await ask(server, { messages: withResults(first.message) })
    const messages = withResults(first.message, 'rain')
    const { value, requests } = await requestsDuring(server, () => ask(server, { messages }))
    expect(sunny.session).toBe(first.session)
    expect(value.session).not.toBe(first.session)
    expect(JSON.stringify(conversation(requests[0] ?? expect.fail()))).not.toContain('sun toolu')
  })

  it.each<[string, (message: Awaited<ReturnType<typeof ask>>['message']) => Partial<Chat>]>([
    [
      'a byte of the question',
      (message) => ({ messages: changed(withResults(message), 1, 'user') }),
    ],
    [
      'a byte of the instructions',
      (message) => ({ messages: changed(withResults(message), 0, 'system') }),
    ],
    [
      'a tool',
      (message) => ({ messages: withResults(message), tools: [weather, cityTool('get_times')] }),
    ],
    ['the choice', (message) => ({ messages: withResults(message), tool_choice: 'none' })],
    ['the effort', (message) => ({ messages: withResults(message), reasoning_effort: 'low' })],
  ])('are taken in another process when %s has changed', async (_, change) => {
    server.anthropic.enqueue(twoCalls, says('Sunny.'))
    const first = await ask(server, {})
    const second = await ask(server, change(first.message))
    expect(second.session).not.toBe(first.session)
  })

  it('are taken in another process when the model was corrected: it knows what the client does not', async () => {
    const tools = [cityTool('get_weather', { strict: true })]
    server.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: {} }]),
      callsTools([{ id: 'toolu_2', name: 'get_weather', input: { city: 'Rome' } }]),
      says('Sunny.'),
    )
    const first = await ask(server, { tools })
    const messages = withResults(first.message)
    const { requests } = await requestsDuring(server, () => ask(server, { messages, tools }))
    expect(conversation(requests[0] ?? expect.fail())).toHaveLength(3)
  })

  it('are taken in another process when the one that waited was killed', async () => {
    server.anthropic.enqueue(twoCalls, says('Sunny.'))
    const first = await ask(server, {})
    await killAll(server)
    const messages = withResults(first.message)
    const { value, requests } = await requestsDuring(server, () => ask(server, { messages }))
    expect(value.message.content).toBe('Sunny.')
    expect(value.session).not.toBe(first.session)
    expect(conversation(requests[0] ?? expect.fail())).toHaveLength(3)
  })

  it('are taken in another process where none is kept', async () => {
    await using other = await startTestServer({ LIVE_CONVERSATIONS: '0' })
    other.anthropic.enqueue(twoCalls, says('Sunny.'))
    const first = await ask(other, {})
    const second = await ask(other, { messages: withResults(first.message) })
    expect(second.message.content).toBe('Sunny.')
    expect(second.session).not.toBe(first.session)
  })
})

describe('two owners', () => {
  it('never share a process, and the first one finds its own again', async () => {
    const config = loadConfig({
      env: {
        ...claudeEnvironment(server.anthropic.url, server.configDir),
        DATA_DIR: join(server.dataDir, 'other'),
        WAITING_PROCESSES: '0',
        CLAUDE_CODE_MAX_RETRIES: '0',
      },
    })
    const store = await openStore(config.storage)
    const engine = await Engine.open({
      ...config.engine,
      sessions: store.sessions,
      transcripts: store.transcripts,
      clientApp: 'test/1',
      forbidden: [],
      telemetry: silentTelemetry,
    })
    try {
      const run = async (owner: string, messages: ChatCompletionMessageParam[]) => {
        const { turn } = decode({ ...body, messages }, { strict: false, maxChoices: 1 })
        const context = { cancellation: new Cancellation(), requestId: 'r', owner, stream: false }
        return (await collect(engine.run(turn, context))).claude?.sessionId
      }
      server.anthropic.enqueue(twoCalls, says('For Eve.'), says('For Ann.'))
      const first = await run('ann', body.messages)
      const calls = [
        { id: 'toolu_1', name: 'get_weather', arguments: '{"city":"Rome","list":[1]}' },
        { id: 'toolu_2', name: 'get_time', arguments: '{"city":"Oslo"}' },
      ]
      const messages = withResults({
        role: 'assistant',
        content: 'Let me look.',
        refusal: null,
        tool_calls: calls.map(({ id, ...call }) => ({ id, type: 'function', function: call })),
      })
      expect(await run('eve', messages)).not.toBe(first)
      expect(await run('ann', messages)).toBe(first)
    } finally {
      await engine.close()
      await store.close()
    }
  })
})

/** The messages with other words in one of them. */
function changed(
  messages: ChatCompletionMessageParam[],
  index: number,
  role: 'user' | 'system',
): ChatCompletionMessageParam[] {
  return messages.with(index, { role, content: 'Something else.' })
}
