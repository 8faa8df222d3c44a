import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages'
import { describe, expect, it } from 'vitest'
import { defaultClaudeOptions } from '../../turn/claude-options.ts'
import { TurnError } from '../../turn/error.ts'
import type { DecodedRequest } from '../dialect.ts'
import { decode } from './decode.ts'

const hello = { role: 'user', content: 'Hello' } as const
const plain = { model: 'claude-opus-5-5', max_tokens: 100, messages: [hello] }
const tool = {
  name: 'get_weather',
  description: 'Says how the weather is.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
} as const

type Asked = Partial<MessageCreateParams> & Record<string, unknown>

function decoded(more: Asked = {}, strict = false): DecodedRequest {
  return decode({ ...plain, ...more }, { strict })
}

function ignored(more: Asked): string[] {
  return decoded(more).notices.flatMap((notice) =>
    notice.type === 'ignored-parameter' ? [notice.name] : [],
  )
}

function refusal(more: Asked, strict = false): { code: string; param: string | undefined } {
  try {
    decoded(more, strict)
  } catch (error) {
    if (error instanceof TurnError) return { code: error.code, param: error.param }
    throw error
  }
  throw new Error('It was not refused.')
}

describe('decode', () => {
  it('reads a plain request', () => {
    const { turn, stream, choices, notices } = decoded()
    expect({ stream, choices, notices }).toEqual({ stream: false, choices: 1, notices: [] })
    expect(turn).toEqual({
      model: 'claude-opus-5-5',
      instructions: [],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
      limits: { stopSequences: [], maxOutputTokens: 100 },
      tools: [],
      toolChoice: { type: 'auto' },
      parallelToolCalls: true,
      output: { type: 'text' },
      isOneOfMany: false,
      thinking: 'off',
      claude: defaultClaudeOptions,
      source: { dialect: 'anthropic-messages', body: plain },
    })
  })

  it('reads the system prompt as a text or as blocks', () => {
    expect(decoded({ system: 'Be brief.' }).turn.instructions).toEqual(['Be brief.'])
    const blocks = [
      { type: 'text' as const, text: 'x-anthropic-billing-header: cc_version=1;' },
      { type: 'text' as const, text: 'Be brief.', cache_control: { type: 'ephemeral' as const } },
      { type: 'text' as const, text: 'Be kind.' },
    ]
    expect(decoded({ system: blocks }).turn.instructions).toEqual(['Be brief.', 'Be kind.'])
  })

  it('moves system messages to the front, and says so of those that were not there', () => {
    const messages = [
      { role: 'system', content: 'One.' },
      hello,
      { role: 'system', content: 'Two.' },
    ]
    const { turn, notices } = decoded({ system: 'Zero.', messages: messages as never })
    expect(turn.instructions).toEqual(['Zero.', 'One.', 'Two.'])
    expect(turn.messages).toHaveLength(1)
    expect(notices).toMatchObject([
      { type: 'remark', text: expect.stringContaining('messages[2]') },
    ])
  })

  it('reads pictures and documents of each kind', () => {
    const content = [
      { type: 'text', text: 'Look:' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'eA==' } },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      {
        type: 'document',
        title: 'A',
        context: 'Of old.',
        source: { type: 'base64', media_type: 'application/pdf', data: 'eA==' },
      },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' } },
      {
        type: 'document',
        title: 'B',
        source: {
          type: 'content',
          content: [
            { type: 'text', text: 'x' },
            { type: 'text', text: 'y' },
          ],
        },
      },
      { type: 'search_result', title: 'C', source: 's', content: [{ type: 'text', text: 'z' }] },
    ]
    const { turn } = decoded({ messages: [{ role: 'user', content: content as never }] })
    const at = 'messages[0].content'
    expect(turn.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look:' },
          {
            type: 'image',
            source: {
              type: 'url',
              url: 'data:image/png;base64,eA==',
              field: `${at}[1].source.data`,
            },
          },
          {
            type: 'image',
            source: {
              type: 'url',
              url: 'https://example.com/a.png',
              field: `${at}[2].source.url`,
            },
          },
          { type: 'text', text: 'Of old.' },
          {
            type: 'file',
            name: 'A',
            url: 'data:application/pdf;base64,eA==',
            field: `${at}[3].source.data`,
          },
          { type: 'document', name: '', source: { type: 'text', text: 'words' } },
          { type: 'document', name: 'B', source: { type: 'text', text: 'x\n\ny' } },
          { type: 'document', name: 'C (s)', source: { type: 'text', text: 'z' } },
        ],
      },
    ])
  })

  it('reads thinking and calls, their results first and then the words', () => {
    const messages = [
      hello,
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 's' },
          { type: 'redacted_thinking', data: 'x' },
          { type: 'text', text: 'I look.' },
          { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: 'b', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'b', content: 'It broke.', is_error: true },
          { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'Sun.' }] },
          { type: 'text', text: 'And now?' },
        ],
      },
    ]
    const { turn, notices } = decoded({ messages: messages as never })
    expect(notices).toEqual([])
    expect(turn.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'hm', signature: 's' },
          { type: 'sealed-reasoning', data: 'x' },
          { type: 'text', text: 'I look.' },
          { type: 'tool-call', id: 'a', name: 'f', input: '{"x":1}', kind: 'function' },
          { type: 'tool-call', id: 'b', name: 'f', input: '{}', kind: 'function' },
        ],
      },
      { role: 'tool', callId: 'b', isError: true, content: [{ type: 'text', text: 'It broke.' }] },
      { role: 'tool', callId: 'a', content: [{ type: 'text', text: 'Sun.' }] },
      { role: 'user', content: [{ type: 'text', text: 'And now?' }] },
    ])
  })

  it('reads tools and what is asked of their use', () => {
    const { turn } = decoded({ tools: [{ ...tool, strict: true, type: 'custom' }] })
    expect(turn.tools).toEqual([
      {
        kind: 'function',
        name: 'get_weather',
        description: tool.description,
        parameters: tool.input_schema,
        field: 'tools[0].input_schema',
        strict: true,
      },
    ])
    const choice = (tool_choice: MessageCreateParams['tool_choice']) => {
      const asked = decoded({ tools: [tool], tool_choice }).turn
      return [asked.toolChoice, asked.parallelToolCalls]
    }
    expect(choice({ type: 'auto' })).toEqual([{ type: 'auto' }, true])
    expect(choice({ type: 'none' })).toEqual([{ type: 'none' }, true])
    expect(choice({ type: 'any', disable_parallel_tool_use: true })).toEqual([
      { type: 'required' },
      false,
    ])
    expect(choice({ type: 'tool', name: 'get_weather' })).toEqual([
      { type: 'required', names: ['get_weather'] },
      true,
    ])
  })

  it('has Claude Code’s own tools stand for those of the API that it has', () => {
    const tools = [
      { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
      { type: 'web_fetch_20250910', name: 'web_fetch', allowed_domains: ['example.com'] },
    ]
    const asked = { tools, claude_options: { tools: ['Read'] } }
    expect(decoded(asked as never).turn.claude.tools).toEqual([
      'Read',
      'WebSearch',
      'WebFetch(domain:example.com)',
    ])
    expect(decoded(asked as never).turn.tools).toEqual([])
    expect(ignored(asked as never)).toEqual(['tools[].max_uses'])
  })

  it('leaves out thinking that is not Claude’s, and says so of an answer that is only thinking', () => {
    const { turn, notices } = decoded({
      messages: [
        hello,
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'another’s', signature: '' },
            { type: 'text', text: 'Yes.' },
          ],
        },
        hello,
        {
          role: 'assistant',
          content: [{ type: 'thinking', thinking: 'hm', signature: 's' }],
        },
        hello,
      ] as never,
    })
    expect(turn.messages[1]?.content).toEqual([{ type: 'text', text: 'Yes.' }])
    expect(notices).toMatchObject([
      { type: 'remark', text: expect.stringContaining('messages[1].content[0] is thinking') },
      { type: 'remark', text: expect.stringContaining('messages[3] is only thinking') },
    ])
  })

  it('reads thinking, effort and formats', () => {
    const thinking = (asked: unknown) => decoded({ thinking: asked } as never).turn.thinking
    expect(thinking({ type: 'disabled' })).toBe('off')
    expect(thinking({ type: 'adaptive' })).toBeUndefined()
    expect(thinking({ type: 'enabled', budget_tokens: 2000 })).toBeUndefined()
    expect(ignored({ thinking: { type: 'enabled', budget_tokens: 2000 } })).toEqual([
      'thinking.budget_tokens',
    ])
    expect(decoded({ output_config: { effort: 'xhigh' } }).turn.effort).toBe('xhigh')
    const both = { output_config: { effort: 'low' as const }, claude_options: { effort: 'max' } }
    expect(decoded(both).turn.effort).toBe('max')
    const format = { type: 'json_schema', schema: { type: 'object' } } as const
    const output = { type: 'json-schema', name: 'response', schema: format.schema, strict: true }
    expect(decoded({ output_config: { format } }).turn.output).toEqual(output)
    expect(decoded({ output_format: format }).turn.output).toEqual(output)
  })

  it('takes what Claude Code sends, and says what has no effect', () => {
    const asked = {
      temperature: 0.2,
      top_k: 5,
      metadata: { user_id: 'x' },
      context_management: { edits: [] },
      cache_control: { type: 'ephemeral' },
      service_tier: 'auto',
      betas: ['x'],
    }
    expect(ignored(asked as never).sort()).toEqual([
      'betas',
      'context_management',
      'metadata',
      'temperature',
      'top_k',
    ])
    expect(refusal({ temperature: 0.2 }, true)).toEqual({
      code: 'unsupported_parameter',
      param: 'temperature',
    })
    expect(decoded({ temperature: 1 }, true).notices).toEqual([])
  })

  it.each<[string, Asked, string, string]>([
    [
      'no max_tokens',
      { max_tokens: undefined as never },
      'missing_required_parameter',
      'max_tokens',
    ],
    ['no model', { model: null as never }, 'invalid_type', 'model'],
    ['no messages', { messages: [] }, 'invalid_value', 'messages'],
    ['messages that are none', { messages: 1 as never }, 'invalid_type', 'messages'],
    ['a temperature of 2', { temperature: 2 }, 'invalid_value', 'temperature'],
    [
      'a last message of the assistant’s',
      { messages: [hello, { role: 'assistant', content: 'Well,' }] },
      'invalid_value',
      'messages[1].role',
    ],
    [
      'an unknown role',
      { messages: [{ role: 'tool', content: 'x' }] as never },
      'invalid_value',
      'messages[0].role',
    ],
    [
      'an unknown block',
      { messages: [{ role: 'user', content: [{ type: 'audio' }] }] as never },
      'invalid_value',
      'messages[0].content[0].type',
    ],
    [
      'a file that is not kept',
      {
        messages: [
          { role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: 'f' } }] },
        ] as never,
      },
      'unsupported_parameter',
      'messages[0].content[0].source.file_id',
    ],
    [
      'a result without its call',
      {
        messages: [
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'y' }] },
        ],
      },
      'invalid_value',
      'messages[0].content[0].tool_use_id',
    ],
    [
      'a call without its result',
      {
        messages: [
          hello,
          { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
          hello,
        ],
      },
      'invalid_value',
      'messages[1].content[0]',
    ],
    [
      'a result behind words',
      {
        messages: [
          hello,
          { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'x' },
              { type: 'tool_result', tool_use_id: 'a', content: 'y' },
            ],
          },
        ],
      },
      'invalid_value',
      'messages[2].content[1]',
    ],
    [
      'a tool without a schema',
      { tools: [{ name: 'f' }] as never },
      'missing_required_parameter',
      'tools[0].input_schema',
    ],
    ['two tools of one name', { tools: [tool, tool] }, 'invalid_value', 'tools[1].name'],
    ['a choice without tools', { tool_choice: { type: 'any' } }, 'invalid_value', 'tool_choice'],
    [
      'a choice of an unknown tool',
      { tools: [tool], tool_choice: { type: 'tool', name: 'g' } },
      'invalid_value',
      'tool_choice.name',
    ],
    [
      'a tool that the API runs',
      { tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] },
      'unsupported_parameter',
      'tools[0].type',
    ],
    [
      'bash',
      { tools: [{ type: 'bash_20250124', name: 'bash' }] },
      'unsupported_parameter',
      'tools[0].type',
    ],
    [
      'domains that a search must keep to',
      { tools: [{ type: 'web_search_20250305', name: 'web_search', allowed_domains: ['a.b'] }] },
      'unsupported_parameter',
      'tools[0].allowed_domains',
    ],
    ['MCP servers', { mcp_servers: [{ name: 'x' }] }, 'unsupported_parameter', 'mcp_servers'],
    ['a container', { container: 'x' }, 'unsupported_parameter', 'container'],
    [
      'an unknown option',
      { claude_options: { modle: 'x' } },
      'unknown_parameter',
      'claude_options.modle',
    ],
    [
      'two formats',
      { claude_options: { output_format: 'json' }, tools: [tool] },
      'invalid_value',
      'claude_options.output_format',
    ],
  ])('refuses %s', (_, more, code, param) => {
    expect(refusal(more)).toEqual({ code, param })
  })
})
