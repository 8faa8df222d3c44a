import type { HookCallback } from '@anthropic-ai/claude-agent-sdk'
import { afterAll, describe, expect, it } from 'vitest'
import type { ApiMessage } from '../../src/engine/conversation/api-messages.ts'
import { ClientTools } from '../../src/engine/tools/client-tools.ts'
import { feed } from '../../src/engine/conversation/history.ts'
import { reservedServerName } from '../../src/engine/tools/mcp.ts'
import { answerTool } from '../../src/engine/schema/structured-output.ts'
import { composeTranscript, writeTranscript } from '../../src/engine/conversation/transcript.ts'
import { defaultClaudeOptions } from '../../src/turn/claude-options.ts'
import type { FunctionTool, Tool } from '../../src/turn/tool.ts'
import { plainTurn, type Turn } from '../../src/turn/turn.ts'
import { callsTools, conversation, says } from '../scripted-anthropic/server.ts'
import { clock, Stage, type StartOptions, type TestProcess } from './support.ts'

const stage = await Stage.open()
afterAll(() => stage.close())

const parameters = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
}
const weather: FunctionTool = { kind: 'function', name: 'get_weather', parameters, strict: false }
const time: FunctionTool = { ...weather, name: 'get_time' }

/** One white pixel. */
const picture = {
  type: 'image',
  source: {
    type: 'base64',
    media_type: 'image/png',
    data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII=',
  },
} as const

const text = (value: string) => ({ type: 'text' as const, text: value })
const asks = (question: string): ApiMessage => ({ role: 'user', content: [text(question)] })
const use = (id: string, name = 'get_weather', input: unknown = { city: 'Rome' }) =>
  ({ type: 'tool_use', id, name, input }) as const
const result = (id: string, ...content: (ReturnType<typeof text> | typeof picture)[]) =>
  ({ type: 'tool_result', tool_use_id: id, content }) as const

/** A hook that turns every use down. */
const denies: HookCallback = async () => ({
  hookSpecificOutput: {
    hookEventName: 'PreToolUse',
    permissionDecision: 'deny',
    permissionDecisionReason: 'Not now, says the hook.',
  },
})

/** A process that is offered these tools and defers their calls, as the engine starts it. */
function startWith(
  tools: Tool[],
  more: StartOptions & { turn?: Partial<Turn>; decide?: HookCallback } = {},
): Promise<TestProcess> {
  const turn = { ...plainTurn, ...more.turn, tools }
  const clientTools = new ClientTools(turn)
  const decide = more.decide ?? clientTools.decide
  return stage.start({
    ...more,
    turn,
    decisions: { ...more.decisions, clientTools },
    options: { ...more.options, hooks: { PreToolUse: [{ hooks: [decide] }] } },
  })
}

/** The tools of the newest request, without cache marks. */
function offered() {
  return (stage.lastRequest.body.tools ?? []).map(({ name, description, input_schema }) => ({
    name,
    description,
    input_schema,
  }))
}

describe('tools of an MCP server inside this process', () => {
  it('keep their own names with CLAUDE_AGENT_SDK_MCP_NO_PREFIX, and get a prefix without', async () => {
    await using process = await startWith([weather])
    await process.turn('Hi')
    expect(offered().map(({ name }) => name)).toEqual(['get_weather'])
    const environment = { CLAUDE_AGENT_SDK_MCP_NO_PREFIX: undefined }
    await using prefixed = await startWith([weather], { environment })
    await prefixed.turn('Hi')
    expect(offered().map(({ name }) => name)).toEqual([`mcp__${reservedServerName}__get_weather`])
  })

  it('are all offered with ENABLE_TOOL_SEARCH=false, 128 of them, schema and long description word for word', async () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
      type: 'object',
      properties: {
        root: { $ref: '#/$defs/node', description: 'Where it begins.' },
        size: { anyOf: [{ type: 'integer', minimum: 1 }, { const: 'any' }] },
      },
      additionalProperties: false,
    }
    const description = 'Long. '.repeat(2_000)
    const names = Array.from({ length: 128 }, (_, index) =>
      `tool_${String(index).padStart(3, '0')}_${'n'.repeat(64)}`.slice(0, 64),
    )
    await using process = await startWith(
      names.map((name) => ({
        kind: 'function',
        name,
        description,
        parameters: schema,
        strict: false,
      })),
    )
    await process.turn('Hi')
    expect(offered()).toEqual(names.map((name) => ({ name, description, input_schema: schema })))
    expect(JSON.stringify(stage.lastRequest.body.messages)).not.toContain('tool_000')
  })

  it('lose the end of a long description without CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH', async () => {
    const environment = { CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH: undefined }
    const described = { ...weather, description: 'Long. '.repeat(2_000) }
    await using process = await startWith([described], { environment })
    await process.turn('Hi')
    expect(offered()[0]?.description?.length).toBeLessThan(described.description.length)
  })
})

describe('a call that a hook defers', () => {
  const calls = callsTools([
    { id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' }, text: 'Let me look.' },
    { id: 'toolu_2', name: 'get_time', input: { city: 'Oslo' } },
    { id: 'toolu_3', name: 'get_weather', input: { city: 'Bonn' } },
  ])

  it('ends the turn as tool_deferred, with several calls too, and asks the API nothing more', async () => {
    stage.anthropic.enqueue(calls)
    await using process = await startWith([weather, time])
    const before = stage.anthropic.requests.length
    const ended = await process.turn('How is it there?')
    expect(ended).toMatchObject({ subtype: 'success', terminal_reason: 'tool_deferred' })
    expect(stage.anthropic.requests).toHaveLength(before + 1)
  })

  it('waits in its process for the results, which go on in any order, pictures untouched', async () => {
    stage.anthropic.enqueue(calls, says('Sunny.'))
    await using process = await startWith([weather, time])
    const { session_id } = await process.turn('How is it there?')
    const results = [
      result('toolu_3', text('rain')),
      result('toolu_1', text('sun'), picture, text('and more')),
      result('toolu_2', text('noon')),
    ]
    const answer = await process.turn(results)
    expect(answer).toMatchObject({ session_id, result: 'Sunny.' })
    expect(conversation(stage.lastRequest)).toEqual([
      asks('How is it there?'),
      {
        role: 'assistant',
        content: [
          text('Let me look.'),
          use('toolu_1'),
          use('toolu_2', 'get_time', { city: 'Oslo' }),
          use('toolu_3', 'get_weather', { city: 'Bonn' }),
        ],
      },
      { role: 'user', content: results },
    ])
  })

  it('is told to the model when a hook denies it, which goes on', async () => {
    stage.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: {} }]),
      says('In words, then.'),
    )
    await using process = await startWith([weather], { decide: denies })
    expect(await process.turn('Hi')).toMatchObject({ result: 'In words, then.' })
    expect(conversation(stage.lastRequest).at(-1)?.content).toMatchObject([
      {
        type: 'tool_result',
        tool_use_id: 'toolu_1',
        content: expect.stringContaining('Not now, says the hook.'),
      },
    ])
  })

  it('names the MCP server in the hook, by which the caller’s tools are known', async () => {
    stage.anthropic.enqueue(callsTools([{ name: 'get_weather', input: {} }]), says('Fine.'))
    const seen: unknown[] = []
    const decide: HookCallback = async (event) => {
      if (event.hook_event_name === 'PreToolUse') seen.push([event.tool_name, event.mcp_server])
      return {}
    }
    await using process = await startWith([weather], { decide })
    await process.turn('Hi')
    expect(seen).toEqual([
      ['get_weather', expect.objectContaining({ source: 'sdk', name: reservedServerName })],
    ])
  })
})

describe('disable_parallel_tool_use', () => {
  it('reaches the API by CLAUDE_CODE_EXTRA_BODY from a late setting, and only then', async () => {
    await using process = await startWith([weather])
    await process.turn('Hi')
    expect(stage.lastRequest.body['tool_choice']).toBeUndefined()
    await using single = await startWith([weather])
    const toolChoice = { type: 'auto', disable_parallel_tool_use: true }
    await single.set({ noThinking: false, extraBody: { tool_choice: toolChoice } })
    await single.turn('Hi')
    expect(stage.lastRequest.body['tool_choice']).toEqual(toolChoice)
  })
})

describe('a history with calls and results', () => {
  const earlier: ApiMessage[] = [
    asks('How is it in Rome?'),
    {
      role: 'assistant',
      content: [text('Let me look.'), use('call_1'), use('call_2', 'get_time')],
    },
    {
      role: 'user',
      content: [result('call_2', text('noon')), result('call_1', picture, text('sun'))],
    },
    { role: 'assistant', content: [text('Sunny.')] },
  ]

  it('reaches the API as it was fed, with a tool that is no longer offered too', async () => {
    for (const tools of [[weather, time], []]) {
      await using process = await startWith(tools)
      await feed(process, earlier, clock())
      await process.turn('And in Oslo?')
      expect(conversation(stage.lastRequest)).toEqual([...earlier, asks('And in Oslo?')])
    }
  })

  it('is answered when its last message is a result', async () => {
    const question = earlier.slice(0, 2)
    const results = [result('call_1', text('sun')), result('call_2', picture)]
    await using process = await startWith([weather, time])
    await feed(process, question, clock())
    await process.turn(results)
    expect(conversation(stage.lastRequest)).toEqual([
      ...question,
      { role: 'user', content: results },
    ])
  })
})

describe('a transcript with calls and results', () => {
  it('is resumed and reaches the API as it was composed', async () => {
    const whole: ApiMessage[] = [
      asks('How is it in Rome?'),
      { role: 'assistant', content: [use('call_1'), use('call_2', 'get_time')] },
      {
        role: 'user',
        content: [result('call_2', text('noon')), result('call_1', picture, text('sun'))],
      },
    ]
    const place = {
      claudeDir: stage.configDir,
      folder: stage.folder,
      sessionId: crypto.randomUUID(),
      version: stage.claude.version,
    }
    await writeTranscript(composeTranscript(whole, place, new Date()), place)
    await using process = await startWith([weather, time], {
      decisions: { composed: place.sessionId },
    })
    await process.turn([])
    expect(conversation(stage.lastRequest)).toEqual(whole)
  })
})

describe('StructuredOutput', () => {
  const schema = {
    type: 'object',
    properties: { n: { type: 'integer', minimum: 3 } },
    required: ['n'],
  }
  const output = { type: 'json-schema', name: 'x', schema, strict: true } as const

  it('is a tool with the schema, and its input is the result', async () => {
    stage.anthropic.enqueue(callsTools([{ name: answerTool, input: { n: 4 } }]))
    await using process = await startWith([], { turn: { output } })
    const before = stage.anthropic.requests.length
    const ended = await process.turn('A number')
    expect(stage.anthropic.requests).toHaveLength(before + 1)
    expect(offered()).toMatchObject([{ name: answerTool, input_schema: schema }])
    expect(ended).toMatchObject({ subtype: 'success', structured_output: { n: 4 } })
  })

  it('is asked for again when its input does not obey, or when there are only words', async () => {
    stage.anthropic.enqueue(
      says('Four.'),
      callsTools([{ name: answerTool, input: { n: 1 } }]),
      callsTools([{ name: answerTool, input: { n: 5 } }]),
    )
    await using process = await startWith([], { turn: { output } })
    const ended = await process.turn('A number')
    expect(ended).toMatchObject({ subtype: 'success', structured_output: { n: 5 } })
  })

  it('stands beside the caller’s tools, whose calls are deferred all the same', async () => {
    stage.anthropic.enqueue(
      callsTools([{ id: 'toolu_1', name: 'get_weather', input: { city: 'Rome' } }]),
      callsTools([{ name: answerTool, input: { n: 4 } }]),
    )
    await using process = await startWith([weather], { turn: { output } })
    expect(await process.turn('A number')).toMatchObject({ terminal_reason: 'tool_deferred' })
    const ended = await process.turn([result('toolu_1', text('sun'))])
    expect(ended).toMatchObject({ subtype: 'success', structured_output: { n: 4 } })
  })
})

describe('built-in tools beside the caller’s', () => {
  it('run in one message with a call that is deferred', async () => {
    const turn = { claude: { ...defaultClaudeOptions, tools: ['Bash'] } }
    stage.anthropic.enqueue(
      callsTools([
        { id: 'toolu_b', name: 'Bash', input: { command: 'echo word', description: 'Says it' } },
        { id: 'toolu_f', name: 'get_weather', input: { city: 'Rome' } },
      ]),
      says('Done.'),
    )
    const tools = new ClientTools({ tools: [weather], toolChoice: { type: 'auto' } })
    await using process = await startWith([weather], {
      turn,
      decide: tools.decide,
      options: {
        tools: ['Bash'],
        canUseTool: async (_, input) => ({ behavior: 'allow', updatedInput: input }),
      },
    })
    expect(await process.turn('Do both')).toMatchObject({ terminal_reason: 'tool_deferred' })
    await process.turn([result('toolu_f', text('sun'))])
    const blocks = conversation(stage.lastRequest).flatMap(({ content }) => content)
    const results = blocks.filter(({ type }) => type === 'tool_result')
    const ids = results.map((block) => block['tool_use_id'])
    expect(new Set(ids)).toEqual(new Set(['toolu_b', 'toolu_f']))
    expect(JSON.stringify(results)).toContain('word')
  })
})
