import { describe, expect, it } from 'vitest'
import { chunkOf, relayedBody } from './relay.ts'

const call = (index: number, more: object): object => ({ index, ...more })
const chunk = (delta: object, finish: string | null = null, more: object = {}) => ({
  id: 'x',
  object: 'chat.completion.chunk',
  model: 'm',
  vendor: { a: 1 },
  choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
  ...more,
})

const body = {
  id: 'x',
  object: 'chat.completion',
  model: 'm',
  vendor: { a: 1 },
  choices: [
    {
      index: 0,
      finish_reason: 'tool_calls',
      logprobs: null,
      message: {
        role: 'assistant',
        content: 'Hello',
        reasoning_content: 'hm',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
          { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
        ],
      },
    },
  ],
  usage: { total_tokens: 3 },
}

describe('relayedBody', () => {
  it('puts chunks together, texts, calls and fields of the vendor', () => {
    const chunks = [
      chunk({ role: 'assistant', content: '' }),
      chunk({ reasoning_content: 'hm' }),
      chunk({ content: 'Hel' }),
      chunk({ role: 'assistant', content: 'lo' }),
      chunk({
        tool_calls: [
          call(0, { id: 'a', type: 'function', function: { name: 'f', arguments: '' } }),
        ],
      }),
      chunk({ tool_calls: [call(0, { function: { arguments: '{"x"' } })] }),
      chunk({
        tool_calls: [
          call(1, { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } }),
        ],
      }),
      chunk({ tool_calls: [call(0, { function: { arguments: ':1}' } })] }),
      chunk({}, 'tool_calls'),
      { id: 'x', object: 'chat.completion.chunk', choices: [], usage: { total_tokens: 3 } },
    ]
    expect(relayedBody({ dialect: 'openai-chat', chunks, text: '' })).toEqual(body)
  })
})

describe('chunkOf', () => {
  it('gives a whole answer as one chunk that clients put together to the same', () => {
    const one = chunkOf(body)
    expect(one).toMatchObject({
      object: 'chat.completion.chunk',
      choices: [{ delta: { tool_calls: [{ index: 0 }, { index: 1 }] } }],
    })
    expect(relayedBody({ dialect: 'openai-chat', chunks: [one], text: '' })).toEqual(body)
  })
})
