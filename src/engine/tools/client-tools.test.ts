import type { PreToolUseHookInput } from '@anthropic-ai/claude-agent-sdk'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { describe, expect, it } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import type { Tool, ToolChoice } from '../../turn/tool.ts'
import { ClientTools } from './client-tools.ts'
import { reservedServerName } from './mcp.ts'

const parameters = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
}
const weather: Tool = { kind: 'function', name: 'weather', parameters, strict: false }
const strict: Tool = { kind: 'function', name: 'strict', parameters, strict: true }
const code: Tool = { kind: 'custom', name: 'code' }

function toolsOf(tools: Tool[], toolChoice: ToolChoice = { type: 'auto' }): ClientTools {
  return new ClientTools({ tools, toolChoice })
}

/** What Claude Code is offered. */
async function offered(tools: ClientTools) {
  const server = tools.server()[reservedServerName]
  if (!server) return []
  const [here, there] = InMemoryTransport.createLinkedPair()
  const client = new Client({ name: 'test', version: '1' })
  await Promise.all([server.instance.connect(here), client.connect(there)])
  const list = await client.listTools()
  await client.close()
  return list.tools
}

const use = (tool_name: string, tool_input: unknown, server: object | undefined) =>
  ({
    hook_event_name: 'PreToolUse',
    session_id: 's',
    transcript_path: '',
    cwd: '',
    tool_name,
    tool_input,
    tool_use_id: 't',
    ...(server && { mcp_server: server }),
  }) as PreToolUseHookInput

async function decided(tools: ClientTools, name: string, input: unknown = {}) {
  const event = use(name, input, { source: 'sdk', name: reservedServerName })
  const output = await tools.decide(event, 't', { signal: new AbortController().signal })
  return 'hookSpecificOutput' in output ? output.hookSpecificOutput : undefined
}

describe('ClientTools.server', () => {
  it('is none when there are no tools', () => {
    expect(toolsOf([]).server()).toEqual({})
  })

  it('offers functions under their own names, with their schemas', async () => {
    const described = { ...weather, description: ' Two\nlines ' } as Tool
    expect(await offered(toolsOf([described]))).toEqual([
      { name: 'weather', description: ' Two\nlines ', inputSchema: parameters },
    ])
  })

  it('offers a function without parameters as one without arguments', async () => {
    const [tool] = await offered(toolsOf([{ kind: 'function', name: 'now', strict: false }]))
    expect(tool?.inputSchema).toEqual({ type: 'object', properties: {} })
  })

  it('offers a custom tool as one text, its grammar in the description', async () => {
    const grammar = { syntax: 'lark', definition: 'start: "a"' }
    const [tool] = await offered(toolsOf([{ ...code, description: 'Runs it.', grammar }]))
    expect(tool?.description).toBe(
      'Runs it.\n\nThe text must follow this lark grammar:\nstart: "a"',
    )
    expect(tool?.inputSchema).toEqual({
      type: 'object',
      properties: { input: { type: 'string' } },
      required: ['input'],
    })
  })
})

describe('ClientTools', () => {
  it('refuses a strict schema that cannot be checked, and names it', () => {
    const wrong: Tool = {
      ...strict,
      parameters: { type: 'object', properties: { a: { type: 'text' } } },
    }
    const make = () => toolsOf([weather, wrong])
    expect(make).toThrow(TurnError)
    expect(make).toThrow(
      expect.objectContaining({ code: 'invalid_value', param: 'tools[1].function.parameters' }),
    )
    expect(() => toolsOf([{ ...wrong, strict: false }])).not.toThrow()
  })

  it('knows what each name is', () => {
    const tools = toolsOf([weather, code])
    expect(['weather', 'code', 'Read'].map((name) => tools.kindOf(name))).toEqual([
      'function',
      'custom',
      undefined,
    ])
  })

  it('holds free text and checked arguments back until they are whole', () => {
    const tools = toolsOf([weather, strict, code])
    const held = ['weather', 'strict', 'code'].map((name) => tools.isHeld(name))
    expect(held).toEqual([false, true, true])
  })

  it.each<[ToolChoice, boolean[], boolean]>([
    [{ type: 'auto' }, [true, true], false],
    [{ type: 'none' }, [false, false], false],
    [{ type: 'required' }, [true, true], true],
    [{ type: 'required', names: ['code'] }, [false, true], true],
    [{ type: 'allowed', names: ['weather'] }, [true, false], false],
  ])('with the choice %j allows what it says', (choice, chosen, mustCall) => {
    const tools = toolsOf([weather, code], choice)
    expect(['weather', 'code'].map((name) => tools.isChosen(name))).toEqual(chosen)
    expect(tools.mustCall).toBe(mustCall)
  })

  it.each<[ToolChoice, string | undefined]>([
    [{ type: 'auto' }, undefined],
    [{ type: 'none' }, undefined],
    [{ type: 'allowed', names: ['a'] }, undefined],
    [{ type: 'required' }, 'at least one tool'],
    [{ type: 'required', names: ['a'] }, 'the tool `a`'],
    [{ type: 'required', names: ['a', 'b'] }, 'one of the tools a, b'],
  ])('with the choice %j tells the model %j', (choice, words) => {
    const instruction = toolsOf([], choice).instruction()
    expect(instruction).toEqual(words && expect.stringContaining(words))
  })
})

describe('ClientTools.decide', () => {
  it('defers a call to the caller', async () => {
    expect(await decided(toolsOf([weather]), 'weather', { town: 1 })).toEqual({
      hookEventName: 'PreToolUse',
      permissionDecision: 'defer',
    })
  })

  it('denies a call that the choice does not allow, and says what is', async () => {
    const tools = toolsOf([weather, code], { type: 'allowed', names: ['code'] })
    expect(await decided(tools, 'weather')).toMatchObject({
      permissionDecision: 'deny',
      permissionDecisionReason: expect.stringContaining('code'),
    })
  })

  it('denies a strict call whose arguments are wrong, and says how', async () => {
    const tools = toolsOf([strict])
    expect(await decided(tools, 'strict', { town: 'Rome' })).toMatchObject({
      permissionDecision: 'deny',
      permissionDecisionReason: expect.stringContaining("'city'"),
    })
    expect(await decided(tools, 'strict', { city: 'Rome' })).toMatchObject({
      permissionDecision: 'defer',
    })
  })

  it.each([
    undefined,
    { source: 'sdk', name: 'other' },
    { source: 'user', name: reservedServerName },
  ])('says nothing of a tool that is not the caller’s: %j', async (server) => {
    const signal = new AbortController().signal
    const tools = toolsOf([weather], { type: 'none' })
    expect(await tools.decide(use('weather', {}, server), 't', { signal })).toEqual({})
  })
})
