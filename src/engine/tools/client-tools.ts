import type { HookCallback, McpSdkServerConfigWithInstance } from '@anthropic-ai/claude-agent-sdk'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  type Tool as McpTool,
} from '@modelcontextprotocol/sdk/types.js'
import { TurnError } from '../../turn/error.ts'
import type { CustomTool, JsonSchema, Tool, ToolChoice } from '../../turn/tool.ts'
import type { Turn } from '../../turn/turn.ts'
import { reservedServerName } from './mcp.ts'
import { compileSchema, type SchemaCheck } from '../schema/schema-check.ts'

/**
 * The caller's own tools. They are offered to the model through an MCP server inside this process, under their own names
 * (`CLAUDE_AGENT_SDK_MCP_NO_PREFIX`), and never run here: each call is deferred, which ends Claude Code's turn; the caller's results
 * continue it.
 */
export class ClientTools {
  readonly #tools: ReadonlyMap<string, Tool>
  readonly #choice: ToolChoice
  readonly #checks = new Map<string, SchemaCheck>()

  constructor(turn: Pick<Turn, 'tools' | 'toolChoice'>) {
    this.#tools = new Map(turn.tools.map((tool) => [tool.name, tool]))
    this.#choice = turn.toolChoice
    for (const [index, tool] of turn.tools.entries()) {
      if (tool.kind !== 'function' || !tool.parameters) continue
      const field = tool.field ?? `tools[${index}].function.parameters`
      refuseUnofferable(tool.parameters, field)
      if (tool.strict) this.#compile(tool.name, tool.parameters, field)
    }
  }

  get any(): boolean {
    return this.#tools.size > 0
  }

  /** Whether an answer without a call is no answer. */
  get mustCall(): boolean {
    return this.#choice.type === 'required'
  }

  kindOf(name: string): Tool['kind'] | undefined {
    return this.#tools.get(name)?.kind
  }

  /** Whether the choice allows a call of this tool. */
  isChosen(name: string): boolean {
    return this.#notChosen(name) === undefined
  }

  /** Whether a call's input may reach the caller only whole. */
  isHeld(name: string): boolean {
    return this.kindOf(name) === 'custom' || this.#checks.has(name)
  }

  /** Why this call is not for the caller: the model is told, and goes on. */
  refusal(name: string, input: unknown): string | undefined {
    const problem = this.#notChosen(name)
    if (problem !== undefined) return problem
    const wrong = this.#checks.get(name)?.(input)
    return wrong === undefined
      ? undefined
      : `The arguments do not obey the schema: ${wrong}. Call it again with arguments that do.`
  }

  /** What the model must be told, because no setting of Claude Code makes it certain. */
  instruction(): string | undefined {
    if (this.#choice.type !== 'required') return undefined
    const { names } = this.#choice
    return names
      ? `In your next answer you must call ${names.length === 1 ? `the tool \`${names[0]}\`` : `one of the tools ${names.join(', ')}`}.`
      : 'In your next answer you must call at least one tool.'
  }

  /** The MCP server that offers the tools. */
  server(): Record<string, McpSdkServerConfigWithInstance> {
    if (!this.any) return {}
    const instance = new McpServer(
      { name: reservedServerName, version: '1' },
      { capabilities: { tools: {} } },
    )
    const tools = [...this.#tools.values()].map(toMcpTool)
    instance.server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
    instance.server.setRequestHandler(CallToolRequestSchema, () => ({
      isError: true,
      content: [{ type: 'text', text: 'This tool is run by the caller.' }],
    }))
    return { [reservedServerName]: { type: 'sdk', name: reservedServerName, instance } }
  }

  /** Decides on a use before Claude Code does; nothing for tools that are not the caller's. */
  readonly decide: HookCallback = async (event) => {
    if (event.hook_event_name !== 'PreToolUse') return {}
    if (event.mcp_server?.source !== 'sdk' || event.mcp_server.name !== reservedServerName)
      return {}
    const refusal = this.refusal(event.tool_name, event.tool_input)
    return {
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        ...(refusal === undefined
          ? { permissionDecision: 'defer' }
          : { permissionDecision: 'deny', permissionDecisionReason: refusal }),
      },
    }
  }

  #notChosen(name: string): string | undefined {
    switch (this.#choice.type) {
      case 'auto':
        return undefined
      case 'none':
        return 'No tool may be called in this answer. Answer in words.'
      case 'required':
      case 'allowed': {
        const { names } = this.#choice
        return !names || names.includes(name)
          ? undefined
          : `Only these tools may be called in this answer: ${names.join(', ')}.`
      }
    }
  }

  #compile(name: string, parameters: JsonSchema, param: string): void {
    try {
      this.#checks.set(name, compileSchema(parameters))
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      throw new TurnError(
        'invalid_value',
        `${param} is not a JSON Schema that can be checked (${reason}); correct it or set \`strict\` to false.`,
        {
          param,
          cause: error,
        },
      )
    }
  }
}

/** A custom tool's free text travels as the one property of an object. */
export const customInput = 'input'

function toMcpTool(tool: Tool): McpTool {
  if (tool.kind === 'custom') return customTool(tool)
  return {
    name: tool.name,
    ...(tool.description !== undefined && { description: tool.description }),
    inputSchema: toInputSchema(tool.parameters),
  }
}

/**
 * The caller's schema word for word, but for the `type: "object"` that MCP wants said: Claude Code would offer none of the tools
 * where one of them lacks it.
 */
function toInputSchema(parameters: JsonSchema | undefined): McpTool['inputSchema'] {
  return parameters ? { ...parameters, type: 'object' } : { type: 'object', properties: {} }
}

/** What the Anthropic API takes as an argument's name; Claude Code leaves out a tool that has others. */
const argumentName = /^[a-zA-Z0-9_.-]{1,64}$/

/** Refuses a schema by which Claude Code would silently not offer the tool. */
function refuseUnofferable({ type, properties }: JsonSchema, param: string): void {
  if (type !== undefined && ![type].flat().includes('object')) {
    throw new TurnError(
      'invalid_value',
      `${param}.type must be "object"; got ${JSON.stringify(type)}. Arguments are always an object.`,
      { param: `${param}.type` },
    )
  }
  if (typeof properties !== 'object' || properties === null) return
  const name = Object.keys(properties).find((key) => !argumentName.test(key))
  if (name === undefined) return
  throw new TurnError(
    'invalid_value',
    `${param}.properties has an argument called ${JSON.stringify(name)}; Claude takes names of 1 to 64 letters (a to z), digits, _, . or -. Rename it.`,
    { param: `${param}.properties` },
  )
}

function customTool({ name, description, grammar }: CustomTool): McpTool {
  const rule =
    grammar && `The text must follow this ${grammar.syntax} grammar:\n${grammar.definition}`
  const texts = [description, rule].filter((text) => text !== undefined)
  return {
    name,
    ...(texts.length > 0 && { description: texts.join('\n\n') }),
    inputSchema: {
      type: 'object',
      properties: { [customInput]: { type: 'string' } },
      required: [customInput],
    },
  }
}
