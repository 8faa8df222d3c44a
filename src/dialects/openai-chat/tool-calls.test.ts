import { describe, expect, it } from 'vitest'
import type { ToolCallPart } from '../../turn/message.ts'
import { CallEncoder, encodeCalls } from './tool-calls.ts'

type Kind = ToolCallPart['kind']
const start = (id: string, kind: Kind = 'function') =>
  ({ type: 'tool-call-start', block: 0, id, name: `${id}_name`, kind }) as const
const piece = (input: string) => ({ type: 'tool-call-delta', block: 0, input }) as const
const call = (id: string, input: string, kind: Kind = 'function'): ToolCallPart => ({
  type: 'tool-call',
  id,
  name: `${id}_name`,
  input,
  kind,
})

describe('CallEncoder', () => {
  it('says id, type and name once, and numbers calls from 0', () => {
    const encoder = new CallEncoder(false)
    const deltas = [start('a'), piece('{"x"'), piece(':1}'), start('b'), piece('{}')].map((event) =>
      encoder.push(event),
    )
    expect(deltas).toEqual(
      [
        { index: 0, id: 'a', type: 'function', function: { name: 'a_name', arguments: '' } },
        { index: 0, function: { arguments: '{"x"' } },
        { index: 0, function: { arguments: ':1}' } },
        { index: 1, id: 'b', type: 'function', function: { name: 'b_name', arguments: '' } },
        { index: 1, function: { arguments: '{}' } },
      ].map((delta) => ({ tool_calls: [delta] })),
    )
  })

  it('streams custom tools alike, under `custom`', () => {
    const encoder = new CallEncoder(false)
    expect([encoder.push(start('a', 'custom')), encoder.push(piece('free text'))]).toEqual([
      {
        tool_calls: [{ index: 0, id: 'a', type: 'custom', custom: { name: 'a_name', input: '' } }],
      },
      { tool_calls: [{ index: 0, custom: { input: 'free text' } }] },
    ])
  })

  it('streams the older form without ids', () => {
    const encoder = new CallEncoder(true)
    expect([encoder.push(start('a')), encoder.push(piece('{}'))]).toEqual([
      { function_call: { name: 'a_name', arguments: '' } },
      { function_call: { arguments: '{}' } },
    ])
  })
})

describe('encodeCalls', () => {
  it('gives nothing when there are no calls', () => {
    expect(encodeCalls([], false)).toEqual({})
    expect(encodeCalls([], true)).toEqual({})
  })

  it('gives functions and custom tools in order, inputs word for word', () => {
    expect(encodeCalls([call('a', '{ "x": 1 }'), call('b', 'no json', 'custom')], false)).toEqual({
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'a_name', arguments: '{ "x": 1 }' } },
        { id: 'b', type: 'custom', custom: { name: 'b_name', input: 'no json' } },
      ],
    })
  })

  it('leaves out a call whose arguments a limit cut off', () => {
    expect(encodeCalls([call('a', '{}'), call('b', '{"x": ')], false).tool_calls).toHaveLength(1)
  })

  it('gives the first call in the older form', () => {
    expect(encodeCalls([call('a', '{}')], true)).toEqual({
      function_call: { name: 'a_name', arguments: '{}' },
    })
  })
})
