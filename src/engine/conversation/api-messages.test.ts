import { describe, expect, it } from 'vitest'
import type { AssistantMessage, Message, ToolMessage, UserPart } from '../../turn/message.ts'
import { toApiId, toApiMessages } from './api-messages.ts'

const text = (text: string) => ({ type: 'text' as const, text })
const user = (...content: UserPart[]): Message => ({ role: 'user', content })
const says = (...content: AssistantMessage['content']): Message => ({ role: 'assistant', content })
const call = (id: string, input = '{}', kind: 'function' | 'custom' = 'function') =>
  ({ type: 'tool-call', id, name: 'f', input, kind }) as const
const result = (callId: string, ...content: UserPart[]): ToolMessage => ({
  role: 'tool',
  callId,
  content,
})
const picture: UserPart = {
  type: 'image',
  source: { type: 'base64', mediaType: 'image/png', data: 'AAAA' },
}

describe('toApiMessages', () => {
  it('keeps messages and parts as they are, white space too', () => {
    const messages = [user(text(' a '), text('b\n')), says(text('c')), user(text('d'))]
    expect(toApiMessages(messages)).toEqual(messages)
  })

  it('makes one message of neighbours of one role', () => {
    expect(
      toApiMessages([user(text('a')), user(text('b')), says(text('c')), says(text('d'))]),
    ).toEqual([user(text('a'), text('b')), says(text('c'), text('d'))])
  })

  it('makes calls and results blocks, results the user’s', () => {
    const messages = [
      user(text('q')),
      says(text('so'), call('a', '{"x": [1]}'), call('b', 'free', 'custom')),
      result('b', text('two')),
      result('a', text('one'), picture),
      user(text('and?')),
    ]
    expect(toApiMessages(messages)).toEqual([
      { role: 'user', content: [text('q')] },
      {
        role: 'assistant',
        content: [
          text('so'),
          { type: 'tool_use', id: 'a', name: 'f', input: { x: [1] } },
          { type: 'tool_use', id: 'b', name: 'f', input: { input: 'free' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'b', content: [text('two')] },
          {
            type: 'tool_result',
            tool_use_id: 'a',
            content: [
              text('one'),
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
            ],
          },
          text('and?'),
        ],
      },
    ])
  })

  it('leaves out empty text, and a message that has nothing else', () => {
    expect(toApiMessages([user(text('a')), says(text('')), user(text(''), text('b'))])).toEqual([
      user(text('a'), text('b')),
    ])
    expect(toApiMessages([says(text(''), call('a')), result('a', text(''))])).toEqual([
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a' }] },
    ])
  })

  it('puts a name before the words that are somebody’s, and leaves these as they are', () => {
    const found = toApiMessages([
      { role: 'user', name: 'alice', content: [text(' a'), picture] },
      user(text('b')),
      { role: 'user', name: 'bob', content: [text('')] },
      says(call('a')),
      result('a', text('one')),
      { role: 'user', name: 'alice', content: [text('c')] },
    ])
    expect(found[0]?.content.filter(({ type }) => type === 'text')).toEqual(
      ['name: alice', ' a', 'b', 'name: bob'].map(text),
    )
    expect(found[2]?.content.slice(1)).toEqual(['name: alice', 'c'].map(text))
  })

  it('changes nothing in what it is given', () => {
    const messages = [user(text('a')), user(text('b'))]
    const before = structuredClone(messages)
    toApiMessages(messages)
    expect(messages).toEqual(before)
  })
})

describe('toApiId', () => {
  it('keeps what the API takes', () => {
    expect(toApiId('call_Ab-9')).toBe('call_Ab-9')
  })

  it('writes other characters so that different ids stay different', () => {
    const ids = ['a.b', 'a:b', 'a b', 'a/b', 'aéb'].map(toApiId)
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/)
    expect(new Set(ids).size).toBe(5)
  })
})
