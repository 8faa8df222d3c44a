import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import type { DecodedRequest } from '../dialect.ts'
import { decode } from './decode.ts'

const text = (text: string) => ({ type: 'text', text })

function decoded(body: object, strict = false): DecodedRequest {
  return decode({ input: 'Hello', ...body }, { strict, maxChoices: 1 })
}

function failure(body: object): TurnError {
  try {
    decoded(body)
  } catch (error) {
    if (error instanceof TurnError) return error
    throw error
  }
  return expect.fail('It was accepted.')
}

const call = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{"a":1}' }
const output = { type: 'function_call_output', call_id: 'c1', output: 'r' }

describe('input', () => {
  it('may be a text', () => {
    expect(decoded({}).turn.messages).toEqual([{ role: 'user', content: [text('Hello')] }])
  })

  it('has messages with and without a type, and instructions in their order', () => {
    const { turn } = decoded({
      instructions: 'First.',
      input: [
        { role: 'developer', content: 'Second.' },
        { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Third.' }] },
        { role: 'user', content: [{ type: 'input_text', text: 'Q' }] },
        {
          type: 'message',
          id: 'msg_1',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'A', annotations: [] }],
        },
        { role: 'user', content: 'Q2' },
      ],
    })
    expect(turn.instructions).toEqual(['First.', 'Second.', 'Third.'])
    expect(turn.messages).toEqual([
      { role: 'user', content: [text('Q')] },
      { role: 'assistant', content: [text('A')] },
      { role: 'user', content: [text('Q2')] },
    ])
  })

  it('makes one message of what the assistant thought, said and called in one go', () => {
    const { turn } = decoded({
      input: [
        { role: 'user', content: 'Q' },
        { type: 'reasoning', id: 'rs_1', summary: [] },
        { role: 'assistant', content: 'Let me look.' },
        call,
        { type: 'custom_tool_call', call_id: 'c2', name: 'g', input: 'free', namespace: 'sky' },
        output,
        { type: 'custom_tool_call_output', call_id: 'c2', output: [text('r2')] },
      ],
    })
    expect(turn.messages).toEqual([
      { role: 'user', content: [text('Q')] },
      {
        role: 'assistant',
        content: [
          text('Let me look.'),
          { type: 'tool-call', id: 'c1', name: 'f', input: '{"a":1}', kind: 'function' },
          { type: 'tool-call', id: 'c2', name: 'sky__g', input: 'free', kind: 'custom' },
        ],
      },
      { role: 'tool', callId: 'c1', content: [text('r')] },
      { role: 'tool', callId: 'c2', content: [text('r2')] },
    ])
  })

  it('takes a second output of a call as more of its result', () => {
    const { turn } = decoded({ input: [call, output, { ...output, output: 'more' }] })
    expect(turn.messages[1]).toEqual({
      role: 'tool',
      callId: 'c1',
      content: [text('r'), text('more')],
    })
  })

  it('has pictures and files in both forms', () => {
    const url = 'data:image/png;base64,AAAA'
    const { turn } = decoded({
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_image', image_url: url, detail: 'auto' },
            { type: 'image_url', image_url: { url } },
            { type: 'input_file', filename: 'a.txt', file_data: 'data:text/plain;base64,AA==' },
          ],
        },
      ],
    })
    const place = 'input[0].content'
    expect(turn.messages[0]?.content).toEqual([
      { type: 'image', source: { type: 'url', url, field: `${place}[0].image_url` } },
      { type: 'image', source: { type: 'url', url, field: `${place}[1].image_url` } },
      {
        type: 'file',
        name: 'a.txt',
        url: 'data:text/plain;base64,AA==',
        field: `${place}[2].file_data`,
      },
    ])
  })

  it.each([
    ['a number', { input: 7 }, 'input', 'invalid_type'],
    ['no input', { input: undefined }, 'input', 'missing_required_parameter'],
    ['an empty list', { input: [] }, 'input', 'invalid_value'],
    ['an unknown item', { input: [{ type: 'dream' }] }, 'input[0].type', 'invalid_value'],
    [
      'an unknown part',
      { input: [{ role: 'user', content: [{ type: 'smell' }] }] },
      'input[0].content[0].type',
      'invalid_value',
    ],
    [
      'a call without a result',
      { input: [call, { role: 'user', content: 'x' }] },
      'input[0]',
      'invalid_value',
    ],
    ['a result without a call', { input: [output] }, 'input[0].call_id', 'invalid_value'],
    ['a last word of the assistant', { input: [{ role: 'assistant', content: 'A' }] }, 'input[0]'],
    ['a reference to nothing', { input: [{ id: 'msg_x' }] }, 'input[0].id'],
    [
      'arguments that are no object',
      { input: [{ ...call, arguments: '[' }, output] },
      'input[0].arguments',
    ],
    [
      'a file from elsewhere',
      { input: [{ role: 'user', content: [{ type: 'input_file', file_url: 'https://a/b' }] }] },
      'input[0].content[0].file_url',
    ],
    ['a tool of OpenAI', { tools: [{ type: 'code_interpreter' }] }, 'tools[0].type'],
    [
      'a container of somebody else',
      { tools: [{ type: 'shell', environment: { type: 'container_reference' } }] },
      'tools[0].type',
    ],
    [
      'what only a container has',
      {
        tools: [
          {
            type: 'shell',
            environment: { type: 'container_auto', network_policy: { type: 'disabled' } },
          },
        ],
      },
      'tools[0].environment.network_policy',
    ],
    ['a shell that is not there', { tool_choice: { type: 'shell' } }, 'tool_choice'],
    ['a choice among no tools', { tool_choice: 'required' }, 'tool_choice'],
    ['a stored prompt', { prompt: { id: 'p' } }, 'prompt'],
    ['probabilities', { include: ['message.output_text.logprobs'] }, 'include[0]'],
  ])('%s is refused, with its field', (_what, body, param, code?: string) => {
    const error = failure(body)
    expect(error.param).toBe(param)
    expect(error.row.status).toBe(400)
    if (code !== undefined) expect(error.code).toBe(code)
  })
})

describe('tools', () => {
  const f = { type: 'function', name: 'f', description: 'F', parameters: { type: 'object' } }

  it('are functions, custom tools and those of namespaces and of the input', () => {
    const grammar = { type: 'grammar', syntax: 'lark', definition: 'start: "a"' }
    const { turn } = decoded({
      tools: [
        { ...f, strict: true },
        { type: 'namespace', name: 'sky', tools: [f] },
      ],
      input: [
        {
          type: 'additional_tools',
          role: 'developer',
          tools: [{ type: 'custom', name: 'exec', format: grammar }],
        },
        { role: 'user', content: 'Q' },
      ],
    })
    const sameTool = { kind: 'function', description: 'F', parameters: { type: 'object' } }
    expect(turn.tools).toEqual([
      { ...sameTool, name: 'f', strict: true, field: 'tools[0].parameters' },
      { ...sameTool, name: 'sky__f', strict: false, field: 'tools[1].tools[0].parameters' },
      {
        kind: 'custom',
        name: 'exec',
        grammar: { syntax: 'lark', definition: 'start: "a"' },
      },
    ])
  })

  it('of a caller’s machine are chosen by their type', () => {
    const tools = [{ type: 'shell', environment: null }, { type: 'apply_patch' }]
    const { turn } = decoded({ tools, tool_choice: { type: 'apply_patch' } })
    expect(turn.tools.map(({ name }) => name)).toEqual(['shell', 'apply_patch'])
    expect(turn.toolChoice).toEqual({ type: 'required', names: ['apply_patch'] })
    expect(turn.claude.tools).toEqual([])
  })

  it('are chosen by name, also within a namespace', () => {
    const tools = [f, { type: 'namespace', name: 'sky', tools: [f] }]
    const choice = (tool_choice: unknown) => decoded({ tools, tool_choice }).turn.toolChoice
    expect(choice({ type: 'function', name: 'f' })).toEqual({ type: 'required', names: ['f'] })
    expect(
      choice({
        type: 'allowed_tools',
        mode: 'auto',
        tools: [{ type: 'function', name: 'f', namespace: 'sky' }],
      }),
    ).toEqual({ type: 'allowed', names: ['sky__f'] })
  })

  it('web_search is WebSearch of Claude Code; without access to the web it is ignored', () => {
    expect(decoded({ tools: [{ type: 'web_search' }] }).turn.claude).toMatchObject({
      tools: ['WebSearch'],
      includeActivity: true,
    })
    const { turn, notices } = decoded({
      tools: [{ type: 'web_search', external_web_access: false }],
    })
    expect(turn.claude.tools).toEqual([])
    expect(notices).toEqual([{ type: 'ignored-parameter', name: 'tools.web_search' }])
  })
})

describe('other parameters', () => {
  it('become the turn’s', () => {
    const { turn, stream } = decoded({
      model: 'sonnet',
      stream: true,
      max_output_tokens: 9,
      reasoning: { effort: 'low' },
      service_tier: 'flex',
      parallel_tool_calls: false,
      text: {
        format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true },
      },
      claude_options: { max_turns: 2 },
    })
    expect(stream).toBe(true)
    expect(turn).toMatchObject({
      model: 'sonnet',
      limits: { maxOutputTokens: 9 },
      effort: 'low',
      isOneOfMany: true,
      parallelToolCalls: false,
      output: { type: 'json-schema', name: 'n', schema: { type: 'object' }, strict: true },
      claude: { maxTurns: 2 },
      source: { dialect: 'openai-responses' },
    })
  })

  it('null means absent', () => {
    const { notices } = decoded({ tools: null, text: null, reasoning: null, temperature: null })
    expect(notices).toEqual([])
  })

  it('what has no effect is refused where the owner wants that', () => {
    expect(() => decoded({ temperature: 0.5 }, true)).toThrow(/STRICT_PARAMETERS/)
  })
})
