import { query, type SDKResultMessage } from '@anthropic-ai/claude-agent-sdk'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { claudeEnvironment, temporaryFolder, type TemporaryFolder } from '../support/claude.ts'
import {
  callsTools,
  conversation,
  fails,
  says,
  type ScriptedAnthropic,
  startScriptedAnthropic,
  systemText,
} from './server.ts'

let anthropic: ScriptedAnthropic
let folder: TemporaryFolder

beforeAll(async () => {
  folder = await temporaryFolder()
})

beforeEach(async () => {
  anthropic = await startScriptedAnthropic()
  return () => anthropic.close()
})

afterAll(() => folder[Symbol.asyncDispose]())

/** One turn of the real binary; `streamed` is the text as it came. The SDK throws after a failed result, which is enough. */
async function ask(
  prompt: string,
  tools: string[] = [],
): Promise<{ result?: SDKResultMessage; streamed: string; toolUses: unknown[] }> {
  const answer: Awaited<ReturnType<typeof ask>> = { streamed: '', toolUses: [] }
  const turn = query({
    prompt,
    options: {
      env: { ...claudeEnvironment(anthropic.url, folder.path), CLAUDE_CODE_MAX_RETRIES: '0' },
      tools,
      canUseTool: (_name, input) => Promise.resolve({ behavior: 'allow', updatedInput: input }),
      settingSources: [],
      includePartialMessages: true,
      systemPrompt: 'Answer like a test.',
      cwd: folder.path,
    },
  })
  try {
    for await (const message of turn) {
      if (message.type === 'result') answer.result = message
      if (message.type === 'assistant')
        answer.toolUses.push(...message.message.content.filter(({ type }) => type === 'tool_use'))
      if (
        message.type === 'stream_event' &&
        message.event.type === 'content_block_delta' &&
        message.event.delta.type === 'text_delta'
      )
        answer.streamed += message.event.delta.text
    }
  } catch (error) {
    if (!answer.result?.is_error) throw error
  }
  return answer
}

describe('the real binary on startScriptedAnthropic', () => {
  it('streams what says() scripts, with its usage, when asked plainly', async () => {
    anthropic.enqueue(
      says('Seen and said.', {
        thinking: 'What to say?',
        usage: {
          input_tokens: 11,
          cache_read_input_tokens: 22,
          cache_creation_input_tokens: 33,
          output_tokens: 44,
          output_tokens_details: { thinking_tokens: 5 },
        },
      }),
    )
    const { result, streamed } = await ask('Say something')

    expect(streamed).toBe('Seen and said.')
    expect(result).toMatchObject({ subtype: 'success', is_error: false, result: 'Seen and said.' })
    expect(result?.usage).toMatchObject({
      input_tokens: 11,
      cache_read_input_tokens: 22,
      cache_creation_input_tokens: 33,
      output_tokens: 44,
      output_tokens_details: { thinking_tokens: 5 },
    })
    expect(anthropic.requests.map(conversation)).toEqual([
      [{ role: 'user', content: [{ type: 'text', text: 'Say something' }] }],
    ])
    expect(anthropic.requests.map(systemText)).toEqual(['Answer like a test.'])
  })

  it('asks `respond` when nothing is enqueued', async () => {
    const first = await ask('First')
    anthropic.respond = (request) => says(`You ask ${request.body.model}.`, { delayMs: 5 })
    const second = await ask('Second')
    expect(first.streamed).toBe('Hello from the scripted model.')
    expect(second.streamed).toBe(`You ask ${anthropic.requests[1]?.body.model}.`)
  })

  it('reports the status when fails() answers 529', async () => {
    anthropic.enqueue(fails(529, 'overloaded_error', 'Overloaded'))
    const { result, streamed } = await ask('Hello')

    expect(streamed).toBe('')
    expect(result).toMatchObject({ is_error: true, api_error_status: 529 })
    expect(anthropic.requests).toHaveLength(1)
  })

  it('runs the tool and sends its result back when callsTools() calls Read', async () => {
    const path = join(folder.path, 'note.txt')
    await writeFile(path, 'the tide is out')
    const call = { id: 'toolu_1', name: 'Read', input: { file_path: path } }
    anthropic.enqueue(callsTools([{ ...call, text: 'I look.' }]), says('Out.'))
    const { result, toolUses } = await ask('How is the tide?', ['Read'])

    expect(toolUses).toMatchObject([{ type: 'tool_use', ...call }])
    expect(result).toMatchObject({ subtype: 'success', result: 'Out.', num_turns: 2 })
    const [, assistant, user, ...more] = conversation(anthropic.requests[1] ?? expect.fail())
    expect(assistant).toEqual({
      role: 'assistant',
      content: [
        { type: 'text', text: 'I look.' },
        { type: 'tool_use', ...call },
      ],
    })
    expect(user).toMatchObject({
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'toolu_1' }],
    })
    expect(JSON.stringify(user)).toContain('the tide is out')
    expect(more).toEqual([])
    expect(anthropic.requests[0]?.body.tools?.map(({ name }) => name)).toContain('Read')
  })
})
