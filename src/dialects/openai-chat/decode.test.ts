import { describe, expect, it } from 'vitest'
import { defaultClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import type { DecodedRequest } from '../dialect.ts'
import { decode } from './decode.ts'

const options = { strict: false, maxChoices: 4 }
const user = (content: unknown): object => ({ role: 'user', content })
const hello = { messages: [user('Hello')] }

function failure(
  body: unknown,
  strict = false,
): { code: string; param: string | undefined; message: string } {
  try {
    decode(body, { ...options, strict })
  } catch (error) {
    if (error instanceof TurnError)
      return { code: error.code, param: error.param, message: error.message }
    throw error
  }
  throw new Error('nothing was refused')
}

function ignored({ notices }: DecodedRequest): string[] {
  return notices.flatMap((notice) => (notice.type === 'ignored-parameter' ? [notice.name] : []))
}

describe('decode', () => {
  it('gives a turn with defaults when only messages are there', () => {
    expect(decode(hello, options)).toEqual({
      turn: {
        instructions: [],
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
        limits: { stopSequences: [] },
        tools: [],
        toolChoice: { type: 'auto' },
        parallelToolCalls: true,
        output: { type: 'text' },
        isOneOfMany: false,
        claude: defaultClaudeOptions,
        source: { dialect: 'openai-chat', body: hello },
      },
      stream: false,
      choices: 1,
      notices: [],
    })
  })

  it('takes null for absent everywhere', () => {
    const nulls = Object.fromEntries(
      'model stream stream_options n stop max_tokens max_completion_tokens reasoning_effort claude_options response_format modalities tools functions tool_choice function_call audio logprobs top_logprobs temperature top_p seed presence_penalty frequency_penalty logit_bias user safety_identifier metadata store service_tier verbosity prediction parallel_tool_calls prompt_cache_key prompt_cache_retention prompt_cache_options web_search_options moderation'
        .split(' ')
        .map((name) => [name, null]),
    )
    expect(decode({ ...hello, ...nulls }, { ...options, strict: true })).toMatchObject({
      notices: [],
      choices: 1,
    })
  })

  it('keeps every message as its own, instructions in order', () => {
    const { turn, notices } = decode(
      {
        messages: [
          { role: 'system', content: ' a ' },
          {
            role: 'developer',
            content: [
              { type: 'text', text: 'b' },
              { type: 'text', text: 'c' },
            ],
          },
          user('one'),
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'two' },
              { type: 'refusal', refusal: 'no' },
            ],
          },
          { role: 'assistant', content: null, refusal: 'never' },
          { role: 'system', content: 'late' },
          user([
            { type: 'text', text: '\ud83d' },
            { type: 'image_url', image_url: { url: 'https://a/b.png', detail: 'high' } },
          ]),
        ],
      },
      options,
    )
    expect(turn.instructions).toEqual([' a ', 'b', 'c', 'late'])
    expect(turn.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'one' }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'two' },
          { type: 'text', text: 'no' },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'never' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: '\ud83d' },
          {
            type: 'image',
            source: {
              type: 'url',
              url: 'https://a/b.png',
              field: 'messages[6].content[1].image_url.url',
            },
          },
        ],
      },
    ])
    expect(notices).toEqual([
      { type: 'ignored-parameter', name: 'image_url.detail' },
      { type: 'remark', text: expect.stringContaining('messages[5]') },
    ])
  })

  it('lets claude_options win over model and effort, and max_completion_tokens over max_tokens', () => {
    const { turn } = decode(
      {
        ...hello,
        model: 'gpt-4o',
        reasoning_effort: 'low',
        max_tokens: 5,
        max_completion_tokens: 7,
        stop: ['a', 'b'],
        claude_options: { model: 'opus', effort: 'max' },
      },
      options,
    )
    expect(turn).toMatchObject({
      model: 'opus',
      effort: 'max',
      limits: { maxOutputTokens: 7, stopSequences: ['a', 'b'] },
    })
  })

  it('discloses what deviates from the default, and only that', () => {
    const defaults = {
      temperature: 1,
      top_p: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      store: false,
      service_tier: 'auto',
      verbosity: 'medium',
      logit_bias: {},
      metadata: {},
      parallel_tool_calls: true,
      logprobs: false,
      tools: [],
      functions: [],
      tool_choice: 'none',
      response_format: { type: 'text' },
      modalities: ['text'],
    }
    expect(decode({ ...hello, ...defaults }, { ...options, strict: true }).notices).toEqual([])
    const others = {
      temperature: 0,
      top_p: 0.5,
      seed: 9e18,
      presence_penalty: 1,
      frequency_penalty: -1,
      logit_bias: { 50256: -100 },
      user: 'u',
      metadata: { a: 'b' },
      service_tier: 'priority',
      verbosity: 'low',
      prediction: {},
      prompt_cache_key: 'k',
      safety_identifier: 's',
      web_search_options: {},
      made_up: 1,
    }
    expect(ignored(decode({ ...hello, ...others }, options)).sort()).toEqual(
      Object.keys(others).sort(),
    )
    for (const [name, value] of Object.entries(others)) {
      expect(failure({ ...hello, [name]: value }, true)).toMatchObject({
        code: 'unsupported_parameter',
        param: name,
      })
    }
  })

  it('keeps metadata with what is stored, and bounds it', () => {
    const metadata = { a: 'b' }
    expect(decode({ ...hello, store: true, metadata }, options).notices).toEqual([])
    const long = { ...hello, store: true, metadata: { a: 'b'.repeat(513) } }
    expect(failure(long)).toMatchObject({ code: 'invalid_value', param: 'metadata.a' })
  })

  it('discloses names of results, and names the message when it is strict', () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }
    const named = {
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', tool_calls: [call] },
        { role: 'tool', tool_call_id: 'a', name: 'f', content: 'y' },
      ],
    }
    expect(ignored(decode(named, options))).toEqual(['messages[].name'])
    expect(failure(named, true)).toMatchObject({
      code: 'unsupported_parameter',
      param: 'messages[2].name',
    })
  })

  it('discloses the name of an answer, and none that is empty', () => {
    const [model, ...none] = ['model', '', null].map((name) => ({
      messages: [
        { role: 'user', name: 'alice', content: 'x' },
        { role: 'assistant', name, content: 'y' },
        { role: 'user', content: 'z' },
      ],
    }))
    expect(ignored(decode(model, options))).toEqual(['messages[].name'])
    expect(failure(model, true)).toMatchObject({
      code: 'unsupported_parameter',
      param: 'messages[1].name',
    })
    for (const body of none) expect(ignored(decode(body, options))).toEqual([])
  })
})

describe('decode refuses, and names the field', () => {
  it.each<[unknown, string, string | undefined, string]>([
    [[], 'invalid_type', undefined, 'The body must be an object; got an empty array.'],
    [undefined, 'invalid_type', undefined, 'The body must be an object; got nothing.'],
    [{}, 'missing_required_parameter', 'messages', 'messages is missing; it must be an array.'],
    [{ messages: 1 }, 'invalid_type', 'messages', 'messages must be an array; got 1.'],
    [{ messages: null }, 'invalid_type', 'messages', 'messages must be an array; got null.'],
    [
      { messages: [] },
      'invalid_value',
      'messages',
      'messages must not be empty; got an empty array.',
    ],
    [
      { messages: ['x'] },
      'invalid_type',
      'messages[0]',
      'messages[0] must be an object; got a string.',
    ],
    [
      { messages: [{ content: 'x' }] },
      'missing_required_parameter',
      'messages[0].role',
      'messages[0].role is missing; it must be one of "system", "developer", "user", "assistant", "tool", "function".',
    ],
    [
      { messages: [{ role: 'robot', content: 'x' }] },
      'invalid_value',
      'messages[0].role',
      'messages[0].role must be one of "system", "developer", "user", "assistant", "tool", "function"; got "robot".',
    ],
    [
      { messages: [{ role: 'user' }] },
      'missing_required_parameter',
      'messages[0].content',
      'messages[0].content is missing; it must be a string or an array of parts.',
    ],
    [
      { messages: [user(7)] },
      'invalid_type',
      'messages[0].content',
      'messages[0].content must be a string or an array of parts; got 7.',
    ],
    [
      { messages: [user([])] },
      'invalid_value',
      'messages[0].content',
      'messages[0].content must not be empty; got an empty array.',
    ],
    [
      {
        messages: [
          user('a'),
          { role: 'assistant', content: 'b' },
          user('c'),
          user([{ type: 'video' }]),
        ],
      },
      'invalid_value',
      'messages[3].content[0].type',
      'messages[3].content[0].type must be one of "text", "image_url", "file"; got "video".',
    ],
    [
      { messages: [user([{ type: 'text' }])] },
      'missing_required_parameter',
      'messages[0].content[0].text',
      'messages[0].content[0].text is missing; it must be a string.',
    ],
    [
      { messages: [user([{ type: 'image_url', image_url: 'x' }])] },
      'invalid_type',
      'messages[0].content[0].image_url',
      'messages[0].content[0].image_url must be an object; got a string.',
    ],
    [
      { messages: [user([{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }])] },
      'invalid_value',
      'messages[0].content[0].image_url.url',
      'messages[0].content[0].image_url.url must be a data: URL or an http(s) URL; got a string.',
    ],
    [
      { messages: [{ role: 'system', content: [{ type: 'image_url' }] }] },
      'invalid_value',
      'messages[0].content[0].type',
      'messages[0].content[0].type must be "text"; got "image_url".',
    ],
    [
      { ...hello, temperature: 3 },
      'invalid_value',
      'temperature',
      'temperature must be at most 2; got 3.',
    ],
    [
      { ...hello, temperature: 'hot' },
      'invalid_type',
      'temperature',
      'temperature must be a number; got a string.',
    ],
    [{ ...hello, n: 1.5 }, 'invalid_type', 'n', 'n must be a whole number; got 1.5.'],
    [{ ...hello, n: 0 }, 'invalid_value', 'n', 'n must be at least 1; got 0.'],
    [{ ...hello, n: 5 }, 'invalid_value', 'n', 'n must be at most 4; got 5.'],
    [
      { ...hello, stop: ['a', 'b', 'c', 'd', 'e'] },
      'invalid_value',
      'stop',
      'stop must have at most 4 items; got an array of 5.',
    ],
    [{ ...hello, stop: ['a', 1] }, 'invalid_type', 'stop[1]', 'stop[1] must be a string; got 1.'],
    [
      { ...hello, stop: 1 },
      'invalid_type',
      'stop',
      'stop must be a string or an array of 1 to 4 strings; got 1.',
    ],
    [{ ...hello, seed: 1.5 }, 'invalid_value', 'seed', 'seed must be a whole number; got 1.5.'],
    [
      { ...hello, stream: 'yes' },
      'invalid_type',
      'stream',
      'stream must be a boolean; got a string.',
    ],
    [
      { ...hello, reasoning_effort: 'huge' },
      'invalid_value',
      'reasoning_effort',
      'reasoning_effort must be one of "none", "minimal", "low", "medium", "high", "xhigh", "max"; got "huge".',
    ],
    [
      { ...hello, max_tokens: 0 },
      'invalid_value',
      'max_tokens',
      'max_tokens must be at least 1; got 0.',
    ],
    [
      { ...hello, logit_bias: { 'a b': 'x' } },
      'invalid_type',
      'logit_bias["a b"]',
      'logit_bias["a b"] must be a number; got a string.',
    ],
    [
      { ...hello, metadata: { a: 1 } },
      'invalid_type',
      'metadata.a',
      'metadata.a must be a string; got 1.',
    ],
  ])('%j', (body, code, param, message) => {
    expect(failure(body)).toEqual({ code, param, message })
  })

  it.each<[object, string]>([
    [{ ...hello, modalities: ['text', 'audio'] }, 'modalities'],
    [{ ...hello, audio: {} }, 'audio'],
    [{ ...hello, logprobs: true }, 'logprobs'],
    [{ ...hello, top_logprobs: 2 }, 'top_logprobs'],
    [
      { messages: [user([{ type: 'input_audio', input_audio: {} }])] },
      'messages[0].content[0].type',
    ],
    [
      { messages: [user([{ type: 'file', file: { file_id: 'file-1' } }])] },
      'messages[0].content[0].file.file_id',
    ],
  ])('what it cannot honour: %j', (body, param) => {
    expect(failure(body)).toMatchObject({ code: 'unsupported_parameter', param })
  })

  it.each<[object[], string]>([
    [[{ role: 'system', content: 'x' }], 'messages[0].role'],
    [[user('a'), { role: 'assistant', content: 'b' }], 'messages[1].role'],
    [
      [user('a'), { role: 'assistant', content: 'b' }, { role: 'system', content: 'c' }],
      'messages[1].role',
    ],
  ])('a conversation that does not end with the user: %j', (messages, param) => {
    expect(failure({ messages })).toMatchObject({ code: 'invalid_value', param })
  })
})
