import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import type { Message } from '../../turn/message.ts'
import { checkToolResults } from './tool-results.ts'

const asks: Message = { role: 'user', content: [{ type: 'text', text: 'x' }] }
const calls = (...ids: string[]): Message => ({
  role: 'assistant',
  content: ids.map((id) => ({ type: 'tool-call', id, name: 'f', input: '{}', kind: 'function' })),
})
const result = (callId: string): Message => ({ role: 'tool', callId, content: [] })

function check(...messages: Message[]): { param: string | undefined; message: string } | 'right' {
  try {
    checkToolResults(messages.map((message, at) => ({ message, index: at })))
    return 'right'
  } catch (error) {
    if (!(error instanceof TurnError)) throw error
    expect(error.code).toBe('invalid_value')
    return { param: error.param, message: error.message }
  }
}

describe('checkToolResults', () => {
  it('takes results in any order, and each round by itself', () => {
    expect(
      check(asks, calls('a', 'b'), result('b'), result('a'), calls('c'), result('c'), asks),
    ).toBe('right')
  })

  it('takes an id again in a later round', () => {
    expect(check(asks, calls('a'), result('a'), calls('a'), result('a'))).toBe('right')
  })

  it('names every call without a result when another message follows', () => {
    const found = check(asks, calls('a', 'b', 'c'), result('b'), asks)
    expect(found).toMatchObject({ param: 'messages[1].tool_calls' })
    expect(found).toHaveProperty('message', expect.stringContaining('no result: a, c.'))
  })

  it('names every call without a result when nothing follows', () => {
    expect(check(asks, calls('a'))).toMatchObject({ param: 'messages[1].tool_calls' })
  })

  it('refuses calls that are followed by more calls', () => {
    expect(check(asks, calls('a'), calls('b'), result('a'), result('b'))).toMatchObject({
      param: 'messages[1].tool_calls',
    })
  })

  it('refuses a result for an unknown id, and names those that wait', () => {
    const found = check(asks, calls('a', 'b'), result('z'))
    expect(found).toMatchObject({ param: 'messages[2].tool_call_id' })
    expect(found).toHaveProperty('message', expect.stringMatching(/"z".*Waiting.*a, b\./))
  })

  it('refuses a second result for one call', () => {
    expect(check(asks, calls('a'), result('a'), result('a'))).toMatchObject({
      param: 'messages[3].tool_call_id',
      message: expect.stringContaining('No call before it waits'),
    })
  })

  it('refuses a result where no call was', () => {
    expect(check(asks, result('a'))).toMatchObject({ param: 'messages[1].tool_call_id' })
  })
})
