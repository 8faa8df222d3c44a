import { TurnError } from '../../turn/error.ts'
import type { OutputFormat, Tool, ToolChoice } from '../../turn/tool.ts'
import type { ChatRequest } from './request.ts'
import type { ToolReference, ToolRequest } from './tool-schema.ts'

/** The caller's tools and what is asked of their use. */
export type ToolUseRequest = { tools: Tool[]; toolChoice: ToolChoice; parallelToolCalls: boolean }

/** Reads `tools` and its companions, or the older `functions`. Throws a `TurnError` for a choice among tools that are not there. */
export function decodeTools(request: ChatRequest): ToolUseRequest {
  const tools = request.tools?.length
    ? request.tools.map(decodeTool)
    : (request.functions ?? []).map(decodeFunction)
  refuseTwice(tools, request.tools?.length ? 'tools' : 'functions')
  if (!request.tools?.length && request.functions?.length) {
    return { tools, toolChoice: legacyChoice(request, tools), parallelToolCalls: false }
  }
  return {
    tools,
    toolChoice: decodeChoice(request, tools),
    parallelToolCalls: request.parallel_tool_calls ?? true,
  }
}

/** Reads `response_format`. */
export function decodeOutput(request: ChatRequest): OutputFormat {
  const format = request.response_format
  switch (format?.type) {
    case undefined:
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return format.schema
        ? { type: 'json-schema', name: 'response', schema: format.schema, strict: false }
        : { type: 'json-object' }
    case 'json_schema': {
      const { name, schema, strict } = format.json_schema
      return {
        type: 'json-schema',
        name,
        schema: schema ?? { type: 'object' },
        strict: strict ?? false,
      }
    }
  }
}

function decodeTool(tool: ToolRequest): Tool {
  if (tool.type === 'function') return decodeFunction(tool.function)
  const { name, description, format } = tool.custom
  return {
    kind: 'custom',
    name,
    ...(typeof description === 'string' && { description }),
    ...(format?.type === 'grammar' && { grammar: format.grammar }),
  }
}

function decodeFunction({
  name,
  description,
  parameters,
  strict,
}: NonNullable<ChatRequest['functions']>[number]): Tool {
  return {
    kind: 'function',
    name,
    ...(typeof description === 'string' && { description }),
    ...(parameters && { parameters }),
    strict: strict ?? false,
  }
}

function refuseTwice(tools: readonly Tool[], field: string): void {
  const index = tools.findIndex(
    ({ name }, at) => tools.findIndex((other) => other.name === name) < at,
  )
  if (index < 0) return
  throw new TurnError(
    'invalid_value',
    `${field}[${index}] has the name "${tools[index]?.name}" of an earlier one; each name must be its own.`,
    {
      param: `${field}[${index}]`,
    },
  )
}

function decodeChoice({ tool_choice: choice }: ChatRequest, tools: readonly Tool[]): ToolChoice {
  if (choice === null || choice === undefined) return { type: 'auto' }
  if (typeof choice === 'string') {
    if (choice === 'required' && tools.length === 0) throw withoutTools('tool_choice')
    return { type: choice }
  }
  if (choice.type !== 'allowed_tools')
    return { type: 'required', names: [known(choice, tools, 'tool_choice')] }
  const { mode, tools: references } = choice.allowed_tools
  const names = references.map((reference, index) =>
    known(reference, tools, `tool_choice.allowed_tools.tools[${index}]`),
  )
  return mode === 'required' ? { type: 'required', names } : { type: 'allowed', names }
}

function legacyChoice({ function_call: choice }: ChatRequest, tools: readonly Tool[]): ToolChoice {
  if (choice === null || choice === undefined) return { type: 'auto' }
  if (typeof choice === 'string') return { type: choice }
  return {
    type: 'required',
    names: [known({ type: 'function', function: choice }, tools, 'function_call')],
  }
}

function known(reference: ToolReference, tools: readonly Tool[], param: string): string {
  const name = reference.type === 'function' ? reference.function.name : reference.custom.name
  if (tools.some((tool) => tool.name === name && tool.kind === reference.type)) return name
  if (tools.length === 0) throw withoutTools(param)
  throw new TurnError(
    'invalid_value',
    `${param} names the ${reference.type} "${name}", which is not among the tools: ${tools.map((tool) => tool.name).join(', ')}.`,
    { param },
  )
}

function withoutTools(param: string): TurnError {
  return new TurnError('invalid_value', `${param} asks for a call, but the request has no tools.`, {
    param,
  })
}
