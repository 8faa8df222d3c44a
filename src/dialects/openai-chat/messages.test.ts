import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import { Disclosures } from './disclosures.ts'
import { type Conversation, decodeMessages } from './messages.ts'
import { parseRequest } from './request.ts'

const asks = { role: 'user', content: 'x' }
const call = (id: string, input: string) => ({
  id,
  type: 'function',
  function: { name: 'f', arguments: input },
})
const result = (tool_call_id: string, content: unknown = 'y') => ({
  role: 'tool',
  tool_call_id,
  content,
})

function conversationOf(...messages: object[]): Conversation {
  return decodeMessages(parseRequest({ messages }).messages, new Disclosures(false))
}

function decoded(...messages: object[]): Conversation['messages'] {
  return conversationOf(...messages).messages
}

function fileFailure(file: object): TurnError {
  return failure({ role: 'user', content: [{ type: 'file', file }] })
}

function failure(...messages: object[]): TurnError {
  try {
    decoded(...messages)
  } catch (error) {
    if (error instanceof TurnError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('decodeMessages', () => {
  it('keeps text and calls of an answer, and the results, as they came', () => {
    const custom = { id: 'b', type: 'custom', custom: { name: 'g', input: '{no json' } }
    const messages = decoded(
      asks,
      { role: 'assistant', content: 'So.', tool_calls: [call('a', '{ "n": 1.0 }'), custom] },
      result('b', ''),
      result('a', [
        { type: 'text', text: 'one' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      ]),
    )
    expect(messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'So.' },
          { type: 'tool-call', id: 'a', name: 'f', input: '{ "n": 1.0 }', kind: 'function' },
          { type: 'tool-call', id: 'b', name: 'g', input: '{no json', kind: 'custom' },
        ],
      },
      { role: 'tool', callId: 'b', content: [{ type: 'text', text: '' }] },
      {
        role: 'tool',
        callId: 'a',
        content: [
          { type: 'text', text: 'one' },
          {
            type: 'image',
            source: {
              type: 'url',
              url: 'data:image/png;base64,AA==',
              field: 'messages[3].content[1].image_url.url',
            },
          },
        ],
      },
    ])
  })

  it('takes calls without content, and no arguments as an empty object', () => {
    const [, answer] = decoded(
      asks,
      { role: 'assistant', content: null, tool_calls: [call('a', ' ')] },
      result('a'),
    )
    expect(answer?.content).toMatchObject([{ type: 'tool-call', input: '{}' }])
  })

  it('gives the older form ids by its messages', () => {
    const older = { role: 'assistant', function_call: { name: 'f', arguments: '{}' } }
    const messages = decoded(asks, older, { role: 'function', name: 'f', content: null })
    expect(messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'tool-call', id: 'call_message_1', name: 'f', input: '{}', kind: 'function' },
        ],
      },
      { role: 'tool', callId: 'call_message_1', content: [{ type: 'text', text: '' }] },
    ])
  })

  it('keeps a file with its name and its field, not looked into', () => {
    const file = { file_data: 'data:x;base64,AA==', filename: 'a.pdf' }
    const [question] = decoded({ role: 'user', content: [{ type: 'file', file }] })
    expect(question?.content).toEqual([
      {
        type: 'file',
        name: 'a.pdf',
        url: 'data:x;base64,AA==',
        field: 'messages[0].content[0].file.file_data',
      },
    ])
  })

  it.each(['{', '[]', '1', 'null', '"x"'])('refuses %s as arguments', (input) => {
    expect(failure(asks, { role: 'assistant', tool_calls: [call('a', input)] })).toMatchObject({
      code: 'invalid_value',
      param: 'messages[1].tool_calls[0].function.arguments',
    })
  })

  it('refuses an assistant message with nothing in it', () => {
    expect(failure(asks, { role: 'assistant', content: null }, asks)).toMatchObject({
      code: 'missing_required_parameter',
      param: 'messages[1].content',
    })
  })

  it('refuses a file without content', () => {
    const param = 'messages[0].content[0].file'
    expect(fileFailure({})).toMatchObject({
      code: 'missing_required_parameter',
      param: `${param}.file_data`,
    })
    expect(fileFailure({ file_id: 'x' })).toMatchObject({
      code: 'unsupported_parameter',
      param: `${param}.file_id`,
    })
  })

  it('finds a call without its result across instructions in between', () => {
    const called = { role: 'assistant', tool_calls: [call('a', '{}')] }
    const system = { role: 'system', content: 's' }
    expect(decoded(asks, called, system, result('a'))).toHaveLength(3)
    expect(failure(asks, called, system, asks).param).toBe('messages[1].tool_calls')
  })

  it('keeps whose words they are but for the model’s own, and takes an empty name for none', () => {
    const named = [
      { role: 'system', name: 'rules', content: 's' },
      { role: 'developer', name: '', content: 't' },
      { role: 'user', name: 'alice', content: 'x' },
      { role: 'assistant', name: 'Jörg-2', content: 'y' },
      { role: 'user', name: null, content: 'z' },
    ]
    const { instructions, messages } = conversationOf(...named)
    expect(instructions).toEqual(['name: rules', 's', 't'])
    expect(messages.map(({ role, ...more }) => ({ role, name: undefined, ...more }))).toMatchObject(
      [
        { role: 'user', name: 'alice', content: [{ type: 'text', text: 'x' }] },
        { role: 'assistant', name: undefined, content: [{ type: 'text', text: 'y' }] },
        { role: 'user', name: undefined, content: [{ type: 'text', text: 'z' }] },
      ],
    )
    expect(conversationOf({ ...asks, name: '' })).toEqual(conversationOf(asks))
  })

  it.each([
    [['x'], 'invalid_type', /must be a string/],
    ['a b', 'invalid_value', /without white space/],
    ['a\nb', 'invalid_value', /without white space/],
    ['</user>', 'invalid_value', /without white space/],
    ['x'.repeat(65), 'invalid_value', /at most 64 characters/],
  ])('refuses the name %j', (name, code, message) => {
    for (const role of ['system', 'developer', 'user', 'assistant']) {
      const refused = failure({ role, content: 'x', name }, asks)
      expect(refused).toMatchObject({ code, param: 'messages[0].name' })
      expect(refused.message).toMatch(message)
    }
  })

  it('takes the name of a function for the function’s', () => {
    const older = { role: 'assistant', function_call: { name: 'f', arguments: '{}' } }
    const found = { role: 'function', name: 'a b', content: 'y' }
    expect(decoded(asks, older, found).at(-1)).not.toHaveProperty('name')
  })

  it('refuses a last message of the assistant’s, and says why', () => {
    const refused = failure(asks, { role: 'assistant', content: 'The answer is' })
    expect(refused).toMatchObject({ code: 'invalid_value', param: 'messages[1].role' })
    expect(refused.message).toMatch(/go on from its own words\. Add a message of role "user"/)
    expect(failure({ role: 'system', content: 's' }).message).not.toMatch(/own words/)
  })

  it('refuses an earlier answer in sound', () => {
    const spoken = { role: 'assistant', content: null, audio: { id: 'audio_1' } }
    expect(failure(asks, spoken, asks)).toMatchObject({
      code: 'unsupported_parameter',
      param: 'messages[1].audio',
    })
    expect(decoded(asks, { role: 'assistant', content: 'y', audio: null }, asks)).toHaveLength(3)
  })
})
