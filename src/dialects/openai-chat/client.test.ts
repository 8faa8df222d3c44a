import { describe, expect, it } from 'vitest'
import { defaultClaudeOptions } from '../../turn/claude-options.ts'
import { plainTurn, type Turn } from '../../turn/turn.ts'
import {
  encodeRequest,
  isOwn,
  readAnswer,
  readChunk,
  readError,
  unchangedRequest,
} from './client.ts'
import { decode } from './decode.ts'

function turnOf(body: Record<string, unknown>, claude: Partial<Turn['claude']> = {}): Turn {
  return {
    ...plainTurn,
    claude: { ...defaultClaudeOptions, ...claude },
    source: { dialect: 'openai-chat', body },
  }
}

describe('encodeRequest', () => {
  it('leaves the caller’s body as it was', () => {
    const body = {
      model: 'a',
      n: 2,
      claude_options: { files: ['x'] },
      messages: [{ role: 'user', content: 'Hi' }],
    }
    const before = structuredClone(body)
    encodeRequest(turnOf(body, { appendSystemPrompt: 'x' }), {
      model: 'b',
      stream: true,
      attachments: [{ type: 'text', text: 'x' }],
    })
    expect(body).toEqual(before)
  })

  it('lets tools, their calls and results, and response_format go out as they came', () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{ "x": 1}' } }
    const body = {
      model: 'm',
      tools: [
        { type: 'function', function: { name: 'f', parameters: {}, strict: true, extra: 1 } },
        { type: 'custom', custom: { name: 'g' } },
      ],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
      functions: [{ name: 'h' }],
      function_call: 'auto',
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {} } },
      messages: [
        { role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'y' }] },
      ],
    }
    expect(encodeRequest(turnOf(body), { stream: true, attachments: [] })).toEqual({
      ...body,
      stream: true,
    })
  })

  it('asks for the turn’s model when neither upstream nor body names one', () => {
    const turn = { ...turnOf({ messages: [] }), model: 'opus' }
    expect(encodeRequest(turn, { stream: false, attachments: [] }).model).toBe('opus')
    expect(encodeRequest(turnOf({ messages: [] }), { stream: false, attachments: [] })).toEqual({
      stream: false,
      messages: [],
    })
  })

  it('adds attachments to parts, and as a message of their own when no user spoke', () => {
    const attachments = [{ type: 'text' as const, text: 'x' }]
    const parts = [{ type: 'text', text: 'a' }]
    const withParts = turnOf({ messages: [{ role: 'user', content: parts }] })
    expect(encodeRequest(withParts, { stream: false, attachments }).messages).toEqual([
      { role: 'user', content: [...parts, { type: 'text', text: 'x' }] },
    ])
    const system = { role: 'system', content: 'S' }
    expect(
      encodeRequest(turnOf({ messages: [system] }, { appendSystemPrompt: 'T' }), {
        stream: false,
        attachments,
      }).messages,
    ).toEqual([
      system,
      { role: 'system', content: 'T' },
      { role: 'user', content: [{ type: 'text', text: 'x' }] },
    ])
  })
})

describe('a turn of another dialect', () => {
  const turn: Turn = {
    ...plainTurn,
    model: 'opus',
    instructions: ['Be brief.', 'Be kind.'],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'I look.' },
          { type: 'tool-call', id: 'a', name: 'f', input: '{"x":1}', kind: 'function' },
        ],
      },
      {
        role: 'tool',
        callId: 'a',
        isError: true,
        content: [
          { type: 'text', text: 'It broke.' },
          { type: 'image', source: { type: 'base64', mediaType: 'image/png', data: 'eA==' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'document', name: 'n', source: { type: 'text', text: 'words' } },
          { type: 'file', name: 'a.pdf', url: 'data:application/pdf;base64,eA==', field: 'f' },
        ],
      },
    ],
    limits: { maxOutputTokens: 9, stopSequences: ['END'] },
    effort: 'high',
    tools: [{ kind: 'function', name: 'f', description: 'd', parameters: {}, strict: true }],
    toolChoice: { type: 'required', names: ['f'] },
    parallelToolCalls: false,
    output: { type: 'json-schema', name: 'r', schema: { type: 'object' }, strict: true },
    source: { dialect: 'anthropic-messages', body: { stream: true, system: 'x' } },
  }

  it('is written in this one', () => {
    expect(isOwn(turn)).toBe(false)
    expect(encodeRequest(turn, { stream: true, attachments: [] })).toEqual({
      model: 'opus',
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        { role: 'system', content: 'Be brief.\n\nBe kind.' },
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: 'I look.',
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: 'It broke.' },
        {
          role: 'user',
          content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,eA==' } }],
        },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'n:\n\nwords' },
            {
              type: 'file',
              file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,eA==' },
            },
          ],
        },
      ],
      max_completion_tokens: 9,
      stop: ['END'],
      reasoning_effort: 'high',
      tools: [
        {
          type: 'function',
          function: { name: 'f', description: 'd', parameters: {}, strict: true },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'r', schema: { type: 'object' }, strict: true },
      },
    })
  })

  it('never goes out in the caller’s own bytes', () => {
    const own = {
      ...turn.source,
      bytes: new Uint8Array([1]),
      body: { model: 'opus', stream: true },
    }
    const asked = { stream: true, attachments: [] }
    expect(unchangedRequest({ ...turn, source: own }, asked)).toBeUndefined()
    const chat = { ...own, dialect: 'openai-chat' }
    expect(unchangedRequest({ ...turn, source: chat }, asked)).toBe(own.bytes)
  })

  it('can be read by the chat dialect as what it was', () => {
    const { body } = { body: encodeRequest(turn, { stream: false, attachments: [] }) }
    const read = decode(body, { strict: true, maxChoices: 1 }).turn
    expect(read.instructions).toEqual(['Be brief.\n\nBe kind.'])
    expect(read.toolChoice).toEqual(turn.toolChoice)
    expect(read.limits).toEqual(turn.limits)
    expect(read.output).toEqual(turn.output)
    expect(read.messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'user',
      'user',
    ])
  })
})

describe('readChunk', () => {
  it.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content-filter'],
    ['tool_calls', 'tool-calls'],
    ['function_call', 'tool-calls'],
    ['a_new_one', 'stop'],
  ])('reads the finish reason %s as %s', (finish_reason, finish) => {
    expect(readChunk({ choices: [{ delta: {}, finish_reason }] }).finish).toBe(finish)
  })

  it.each([
    [{ role: 'assistant' }, false],
    [{ role: 'assistant', content: '', refusal: null, tool_calls: [], audio: {} }, false],
    [{ content: ' ' }, true],
    [{ reasoning_content: 'hm' }, true],
    [{ tool_calls: [{ index: 0 }] }, true],
    [{ function_call: { name: 'f' } }, true],
  ])('sees whether %j is output', (delta, hasOutput) => {
    expect(readChunk({ choices: [{ delta }] }).hasOutput).toBe(hasOutput)
  })

  it('reads nothing from what is not a chunk', () => {
    for (const value of [
      {},
      { choices: null },
      { choices: [null, 1] },
      { choices: [{ delta: 'x' }] },
    ]) {
      expect(readChunk(value)).toEqual({ hasOutput: false })
    }
  })

  it('takes a finish reason of error, and an error inside a choice, as errors', () => {
    expect(readChunk({ choices: [{ delta: {}, finish_reason: 'error' }] }).error).toEqual({})
    expect(
      readChunk({ choices: [{ error: { code: 502, message: 'm' }, finish_reason: 'error' }] })
        .error,
    ).toEqual({ status: 502, message: 'm' })
  })
})

describe('readAnswer', () => {
  it('counts cached tokens beside the prompt', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 9,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
      completion_tokens_details: { reasoning_tokens: 4 },
    }
    expect(readAnswer({ usage }).usage).toEqual({
      inputTokens: 10,
      cacheReadTokens: 60,
      cacheCreationTokens: 30,
      outputTokens: 9,
      reasoningTokens: 4,
    })
  })

  it('bears nulls and nonsense in the usage', () => {
    expect(readAnswer({ usage: null })).not.toHaveProperty('usage')
    expect(
      readAnswer({ usage: { prompt_tokens: -1, completion_tokens: 'x' } }).usage,
    ).toMatchObject({
      inputTokens: 0,
      outputTokens: 0,
    })
  })
})

it.each([
  [undefined, undefined],
  [{ error: null }, undefined],
  [{ error: {} }, undefined],
  [{ error: 'words' }, { message: 'words' }],
  [
    { error: { message: 'm', type: 't', param: 'p', code: null } },
    { message: 'm', kind: 't', param: 'p' },
  ],
  [{ error: { code: 'c', type: 't' } }, { kind: 'c' }],
  [{ error: { code: '429' } }, { kind: '429', status: 429 }],
  [
    { object: 'error', message: 'm', code: 400 },
    { message: 'm', status: 400 },
  ],
])('readError reads %j', (value, expected) => {
  expect(readError(value)).toEqual(expected)
})
