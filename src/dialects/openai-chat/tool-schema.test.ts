import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import { decode } from './decode.ts'

const hello = { role: 'user', content: 'Hello' }
const weather = { type: 'function', function: { name: 'weather' } }

function failure(body: object): { code: string; param: string | undefined; message: string } {
  try {
    decode({ messages: [hello], ...body }, { strict: false, maxChoices: 1 })
  } catch (error) {
    if (!(error instanceof TurnError)) throw error
    return { code: error.code, param: error.param, message: error.message }
  }
  throw new Error('nothing was refused')
}

function custom(format: unknown): object[] {
  return [{ type: 'custom', custom: { name: 'x', format } }]
}

describe('decode refuses tools, and names the field', () => {
  it.each<[object, string, string]>([
    [{ tools: {} }, 'tools', 'tools must be an array; got an object.'],
    [{ tools: [{}] }, 'tools[0].type', 'tools[0].type is missing'],
    [{ tools: [{ type: 'web_search' }] }, 'tools[0].type', '"function", "custom"'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function', 'is missing; it must be an object'],
    [{ tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name', 'is missing'],
    [
      { tools: [{ type: 'function', function: { name: 'a b' } }] },
      'tools[0].function.name',
      'must be 1 to 64 letters, digits, _ or -; got a string',
    ],
    [
      { tools: [{ type: 'function', function: { name: 'n'.repeat(65) } }] },
      'tools[0].function.name',
      'must be 1 to 64 letters',
    ],
    [
      { tools: [weather, { type: 'function', function: { name: 'x', parameters: 'y' } }] },
      'tools[1].function.parameters',
      'must be an object; got a string',
    ],
    [
      { tools: [{ type: 'function', function: { name: 'x', strict: 'yes' } }] },
      'tools[0].function.strict',
      'must be a boolean; got a string',
    ],
    [
      { tools: custom({ type: 'grammar', grammar: { syntax: 'ebnf', definition: '' } }) },
      'tools[0].custom.format.grammar.syntax',
      'must be one of "lark", "regex"; got "ebnf"',
    ],
    [{ tools: custom({ type: 'json' }) }, 'tools[0].custom.format.type', '"text", "grammar"'],
    [
      { tools: Array.from({ length: 129 }, () => weather) },
      'tools',
      'must have at most 128 items; got an array of 129',
    ],
    [{ functions: [{}] }, 'functions[0].name', 'is missing'],
    [{ tools: [weather], parallel_tool_calls: 1 }, 'parallel_tool_calls', 'must be a boolean'],
  ])('%j', (body, param, message) => {
    expect(failure(body)).toMatchObject({ param, message: expect.stringContaining(message) })
  })

  it.each<[unknown, string]>([
    ['always', 'tool_choice'],
    [7, 'tool_choice'],
    [{ type: 'web_search' }, 'tool_choice'],
    [{ type: 'function' }, 'tool_choice'],
    [{ type: 'allowed_tools', allowed_tools: { mode: 'none', tools: [weather] } }, 'tool_choice'],
    [{ type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } }, 'tool_choice'],
  ])('tool_choice %j', (choice, param) => {
    const found = failure({ tools: [weather], tool_choice: choice })
    expect(found.param).toMatch(new RegExp(`^${param}`))
  })
})

describe('decode refuses response_format, and names the field', () => {
  it.each<[unknown, string, string]>([
    ['json', 'response_format', 'must be an object; got a string'],
    [{ type: 'xml' }, 'response_format.type', '"text", "json_object", "json_schema"; got "xml"'],
    [{ type: 'json_schema' }, 'response_format.json_schema', 'is missing'],
    [
      { type: 'json_schema', json_schema: { schema: {} } },
      'response_format.json_schema.name',
      'is missing',
    ],
    [
      { type: 'json_schema', json_schema: { name: 'x', schema: [] } },
      'response_format.json_schema.schema',
      'must be an object; got an empty array',
    ],
  ])('%j', (response_format, param, message) => {
    expect(failure({ response_format })).toMatchObject({
      param,
      message: expect.stringContaining(message),
    })
  })
})

describe('decode refuses tool messages, and names the field', () => {
  const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{}' } }
  const called = { role: 'assistant', tool_calls: [call] }

  it.each<[object[], string, string]>([
    [[{ role: 'assistant', tool_calls: [{}] }], 'messages[1].tool_calls[0].type', 'is missing'],
    [
      [{ role: 'assistant', tool_calls: [{ ...call, id: '' }] }],
      'messages[1].tool_calls[0].id',
      'must not be empty',
    ],
    [
      [{ role: 'assistant', tool_calls: [{ ...call, function: { name: 'weather' } }] }],
      'messages[1].tool_calls[0].function.arguments',
      'is missing',
    ],
    [[called, { role: 'tool', content: 'x' }], 'messages[2].tool_call_id', 'is missing'],
    [[called, { role: 'tool', tool_call_id: 'call_1' }], 'messages[2].content', 'is missing'],
    [[called, { role: 'function', content: 'x' }], 'messages[2].name', 'is missing'],
  ])('%j', (messages, param, message) => {
    expect(failure({ messages: [hello, ...messages] })).toMatchObject({
      param,
      message: expect.stringContaining(message),
    })
  })
})
