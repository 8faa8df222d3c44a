import { TurnError } from '../../turn/error.ts'
import type { OutputFormat, Tool, ToolChoice } from '../../turn/tool.ts'
import type { Disclosures } from '../openai-chat/disclosures.ts'
import { callerTools, isCallerRun } from './caller-tools.ts'
import { isHostedShell } from './hosted-shell.ts'
import { innerName } from './namespaces.ts'
import type { ResponseRequest } from './request.ts'
import type { OwnTool, ToolReference, ToolRequest } from './tool-schema.ts'

/** The caller's tools, what is asked of their use, and the built-in tools that stand for hosted ones. */
export type ToolUseRequest = {
  tools: Tool[]
  toolChoice: ToolChoice
  /** By name, with the field that asks for each. */
  builtIn: ReadonlyMap<string, string>
}

/** Reads `tools`, those inside the input and `tool_choice`. Throws a `TurnError` for a hosted tool that Claude Code has not. */
export function decodeTools(request: ResponseRequest, disclosures: Disclosures): ToolUseRequest {
  const tools: Tool[] = []
  const builtIn = new Map<string, string>()
  for (const [field, tool] of placedTools(request)) {
    switch (tool.type) {
      case 'function':
      case 'custom':
        addTool(tools, decodeTool(tool, field), field)
        break
      case 'namespace':
        for (const [index, inner] of tool.tools.entries()) {
          const at = `${field}.tools[${index}]`
          addTool(tools, decodeTool(inner, at, tool), at)
        }
        break
      case 'web_search':
      case 'web_search_2025_08_26':
      case 'web_search_preview':
      case 'web_search_preview_2025_03_11':
        // Codex offers it so; there is no index of the web here to search without going there.
        if (tool.external_web_access === false) {
          const why = 'There is no search without access to the web.'
          disclosures.ignore('tools.web_search', why, field)
        } else builtIn.set('WebSearch', field)
        break
      case 'shell':
      case 'apply_patch':
        if (isCallerRun(tool)) addTool(tools, { ...callerTools[tool.type] }, field)
        else builtIn.set(hostedShell(tool, field, disclosures), field)
        break
      default:
        throw notHere(tool.type, field)
    }
  }
  return { tools, toolChoice: decodeChoice(request, tools), builtIn }
}

/** A container is a sandbox here, and its files those of Claude Code's working folder. */
function hostedShell(
  tool: Extract<ToolRequest, { type: 'shell' | 'apply_patch' }>,
  field: string,
  disclosures: Disclosures,
): 'Bash' {
  if (!isHostedShell(tool)) throw notHere(`${tool.type} in another container`, field)
  const { file_ids, skills, network_policy, memory_limit } = Object(tool.environment) as Record<
    string,
    unknown
  >
  const asked: [string, unknown, string][] = [
    ['file_ids', file_ids, 'Name files in claude_options.files.'],
    ['skills', skills, 'Write what they say into the instructions.'],
    ['network_policy', network_policy, 'The owner of this server decides what commands may reach.'],
  ]
  for (const [name, value, advice] of asked) {
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0))
      continue
    const param = `${field}.environment.${name}`
    throw new TurnError('unsupported_parameter', `${param} is not supported. ${advice}`, { param })
  }
  if (memory_limit !== undefined && memory_limit !== null) {
    disclosures.ignore('tools.environment.memory_limit', 'There is no container.', field)
  }
  return 'Bash'
}

/** Reads `text.format`. */
export function decodeOutput({ text }: ResponseRequest): OutputFormat {
  const format = text?.format
  switch (format?.type) {
    case undefined:
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json-object' }
    case 'json_schema': {
      const { name, schema, strict } = format
      return { type: 'json-schema', name, schema, strict: strict ?? false }
    }
  }
}

/** Every tool with its field: those of the request, then those that Codex sends as items. */
function placedTools({ tools, input }: ResponseRequest): [string, ToolRequest][] {
  const own = (tools ?? []).map((tool, index): [string, ToolRequest] => [`tools[${index}]`, tool])
  if (typeof input === 'string') return own
  const added = input.flatMap((item, at) =>
    item.type === 'additional_tools'
      ? item.tools.map((tool, index): [string, ToolRequest] => [
          `input[${at}].tools[${index}]`,
          tool,
        ])
      : [],
  )
  return [...own, ...added]
}

function notHere(type: string, field: string): TurnError {
  const param = `${field}.type`
  return new TurnError(
    'unsupported_parameter',
    `${param} "${type}" is a tool that OpenAI runs, and this server has none like it. Use a function of your own, or the tools of Claude Code with claude_options.tools.`,
    { param },
  )
}

function decodeTool(tool: OwnTool, field: string, namespace?: { name: string }): Tool {
  const name = innerName(tool.name, namespace?.name)
  const description = typeof tool.description === 'string' ? tool.description : undefined
  if (tool.type === 'function') {
    return {
      kind: 'function',
      name,
      ...(description !== undefined && { description }),
      ...(tool.parameters && { parameters: tool.parameters, field: `${field}.parameters` }),
      strict: tool.strict ?? false,
    }
  }
  const { format } = tool
  return {
    kind: 'custom',
    name,
    ...(description !== undefined && { description }),
    ...(format?.type === 'grammar' && {
      grammar: { syntax: format.syntax, definition: format.definition },
    }),
  }
}

/** One that the input repeats (Codex sends its tools with every request of a conversation) is the same tool. */
function addTool(tools: Tool[], tool: Tool, field: string): void {
  const other = tools.findIndex(({ name }) => name === tool.name)
  if (other < 0) {
    tools.push(tool)
    return
  }
  if (field.startsWith('input')) {
    tools[other] = tool
    return
  }
  throw new TurnError(
    'invalid_value',
    `${field} has the name "${tool.name}" of an earlier one; each name must be its own.`,
    { param: field },
  )
}

function decodeChoice(
  { tool_choice: choice }: ResponseRequest,
  tools: readonly Tool[],
): ToolChoice {
  if (choice === null || choice === undefined) return { type: 'auto' }
  if (typeof choice === 'string') {
    if (choice === 'required' && tools.length === 0) throw withoutTools('tool_choice')
    return { type: choice }
  }
  if (choice.type !== 'allowed_tools') {
    return { type: 'required', names: [known(choice, tools, 'tool_choice')] }
  }
  const names = choice.tools.map((reference, index) =>
    known(reference, tools, `tool_choice.tools[${index}]`),
  )
  return choice.mode === 'required' ? { type: 'required', names } : { type: 'allowed', names }
}

function known(reference: ToolReference, tools: readonly Tool[], param: string): string {
  const [kind, name] =
    reference.type === 'function' || reference.type === 'custom'
      ? [reference.type, innerName(reference.name, reference.namespace ?? undefined)]
      : ['function', reference.type]
  if (tools.some((tool) => tool.name === name && tool.kind === kind)) return name
  if (tools.length === 0) throw withoutTools(param)
  throw new TurnError(
    'invalid_value',
    `${param} names the ${kind} "${name}", which is not among the tools: ${tools.map((tool) => tool.name).join(', ')}.`,
    { param },
  )
}

function withoutTools(param: string): TurnError {
  return new TurnError('invalid_value', `${param} asks for a call, but the request has no tools.`, {
    param,
  })
}
