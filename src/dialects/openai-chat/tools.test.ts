import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import type { ToolChoice } from '../../turn/tool.ts'
import { parseRequest } from './request.ts'
import { decodeOutput, decodeTools } from './tools.ts'

const requestOf = (body: object) =>
  parseRequest({ messages: [{ role: 'user', content: 'x' }], ...body })
const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, ...more },
})
const custom = (name: string, more: object = {}) => ({ type: 'custom', custom: { name, ...more } })
const parameters = { type: 'object', properties: { city: { $ref: '#/$defs/city' } }, $defs: {} }

function failure(read: () => unknown): TurnError {
  try {
    read()
  } catch (error) {
    if (error instanceof TurnError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('decodeTools', () => {
  it('gives no tools, a free choice and parallel calls when nothing is said', () => {
    const nothing = { tools: [], toolChoice: { type: 'auto' }, parallelToolCalls: true }
    expect(decodeTools(requestOf({}))).toEqual(nothing)
    expect(decodeTools(requestOf({ tools: [], functions: [] }))).toEqual(nothing)
  })

  it('keeps functions word for word, null for absent', () => {
    const description = '  Two\nlines  '
    const { tools } = decodeTools(
      requestOf({
        tools: [
          tool('a', { description, parameters, strict: true }),
          tool('b', { description: null, parameters: null, strict: null }),
        ],
      }),
    )
    expect(tools).toEqual([
      { kind: 'function', name: 'a', description, parameters, strict: true },
      { kind: 'function', name: 'b', strict: false },
    ])
  })

  it('keeps custom tools with their grammar; the format "text" is none', () => {
    const grammar = { syntax: 'lark', definition: 'start: "a"' }
    const { tools } = decodeTools(
      requestOf({
        tools: [
          custom('a', { description: 'Code', format: { type: 'grammar', grammar } }),
          custom('b', { format: { type: 'text' } }),
        ],
      }),
    )
    expect(tools).toEqual([
      { kind: 'custom', name: 'a', description: 'Code', grammar },
      { kind: 'custom', name: 'b' },
    ])
  })

  it.each<[unknown, ToolChoice]>([
    [null, { type: 'auto' }],
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['required', { type: 'required' }],
    [tool('a'), { type: 'required', names: ['a'] }],
    [custom('c'), { type: 'required', names: ['c'] }],
    [allowed('auto', tool('b'), custom('c')), { type: 'allowed', names: ['b', 'c'] }],
    [allowed('required', tool('a')), { type: 'required', names: ['a'] }],
  ])('reads tool_choice %j', (choice, expected) => {
    const request = requestOf({ tools: [tool('a'), tool('b'), custom('c')], tool_choice: choice })
    expect(decodeTools(request).toolChoice).toEqual(expected)
  })

  it.each<[object, string, string]>([
    [{ tool_choice: tool('x') }, 'tool_choice', '"x", which is not among the tools: a, c'],
    [{ tool_choice: custom('a') }, 'tool_choice', 'the custom "a"'],
    [
      { tool_choice: allowed('auto', tool('a'), tool('x')) },
      'tool_choice.allowed_tools.tools[1]',
      '"x"',
    ],
    [{ tools: [], tool_choice: 'required' }, 'tool_choice', 'the request has no tools'],
    [{ tools: [], tool_choice: tool('a') }, 'tool_choice', 'the request has no tools'],
  ])('refuses a choice among tools that are not there: %j', (body, param, message) => {
    const error = failure(() =>
      decodeTools(requestOf({ tools: [tool('a'), custom('c')], ...body })),
    )
    expect(error).toMatchObject({ code: 'invalid_value', param })
    expect(error.message).toContain(message)
  })

  it('refuses two tools of one name, of whatever kind', () => {
    const error = failure(() =>
      decodeTools(requestOf({ tools: [tool('a'), tool('b'), custom('a')] })),
    )
    expect(error).toMatchObject({ code: 'invalid_value', param: 'tools[2]' })
  })

  it('reads functions as tools of which one may be called', () => {
    const request = requestOf({ functions: [{ name: 'a', parameters }], function_call: 'auto' })
    expect(decodeTools(request)).toEqual({
      tools: [{ kind: 'function', name: 'a', parameters, strict: false }],
      toolChoice: { type: 'auto' },
      parallelToolCalls: false,
    })
  })

  it('reads a named function_call, and refuses one that is not there', () => {
    const functions = [{ name: 'a' }]
    const right = requestOf({ functions, function_call: { name: 'a' } })
    expect(decodeTools(right).toolChoice).toEqual({ type: 'required', names: ['a'] })
    const wrong = requestOf({ functions, function_call: { name: 'b' } })
    expect(failure(() => decodeTools(wrong)).param).toBe('function_call')
  })

  it('lets tools win over functions', () => {
    const request = requestOf({
      tools: [tool('a')],
      functions: [{ name: 'b' }],
      parallel_tool_calls: false,
    })
    const { tools, parallelToolCalls } = decodeTools(request)
    expect(tools.map(({ name }) => name)).toEqual(['a'])
    expect(parallelToolCalls).toBe(false)
  })
})

describe('decodeOutput', () => {
  const schema = { type: 'object', properties: {} }

  it.each<[unknown, object]>([
    [null, { type: 'text' }],
    [{ type: 'text' }, { type: 'text' }],
    [{ type: 'json_object' }, { type: 'json-object' }],
    // As instructor sends it.
    [
      { type: 'json_object', schema },
      { type: 'json-schema', name: 'response', schema, strict: false },
    ],
    [
      { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } },
      { type: 'json-schema', name: 'a', schema, strict: true },
    ],
    [
      { type: 'json_schema', json_schema: { name: 'a', schema: null, strict: null } },
      { type: 'json-schema', name: 'a', schema: { type: 'object' }, strict: false },
    ],
  ])('reads response_format %j', (response_format, expected) => {
    expect(decodeOutput(requestOf({ response_format }))).toEqual(expected)
  })
})

function allowed(mode: string, ...tools: object[]): object {
  return { type: 'allowed_tools', allowed_tools: { mode, tools } }
}
