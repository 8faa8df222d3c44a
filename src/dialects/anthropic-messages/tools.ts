import { z } from 'zod'
import { TurnError } from '../../turn/error.ts'
import type { OutputFormat, Tool, ToolChoice } from '../../turn/tool.ts'
import type { Disclosures } from '../openai-chat/disclosures.ts'
import { firstProblem } from '../openai-chat/problem.ts'
import type { CountRequest } from './request.ts'
import { type BuiltInRules, decodeServerTool } from './server-tools.ts'

/** The caller's tools, what is asked of their use, and Claude Code's own that stand for the API's. */
export type ToolUseRequest = {
  tools: Tool[]
  toolChoice: ToolChoice
  parallelToolCalls: boolean
  builtIn: BuiltInRules
}

const toolSchema = z.looseObject({
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/, '1 to 128 letters, digits, _ or -'),
  description: z.string().nullish(),
  input_schema: z.looseObject({ type: z.literal('object') }),
  strict: z.boolean().nullish(),
})

/** Reads `tools` and `tool_choice`. Throws a `TurnError` for tools that cannot be had here and for a choice among tools that are not there. */
export function decodeTools(
  request: Pick<CountRequest, 'tools' | 'tool_choice'>,
  disclosures: Disclosures,
): ToolUseRequest {
  const tools: Tool[] = []
  const builtIn: BuiltInRules = []
  for (const [index, tool] of (request.tools ?? []).entries()) {
    const field = `tools[${index}]`
    if (typeof tool.type === 'string' && tool.type !== 'custom') {
      builtIn.push(...decodeServerTool(tool, tool.type, field, disclosures))
    } else {
      const decoded = decodeTool(tool, index)
      refuseTwice(tools, decoded.name, `${field}.name`)
      tools.push(decoded)
    }
  }
  const choice = request.tool_choice
  const isParallel = !(
    choice &&
    'disable_parallel_tool_use' in choice &&
    choice.disable_parallel_tool_use
  )
  return { tools, toolChoice: decodeChoice(request, tools), parallelToolCalls: isParallel, builtIn }
}

/** Reads `output_config.format`, or its older form. */
export function decodeOutput({
  output_config: config,
  output_format: older,
}: Pick<CountRequest, 'output_config' | 'output_format'>): OutputFormat {
  const format = config?.format ?? older
  if (!format) return { type: 'text' }
  return { type: 'json-schema', name: 'response', schema: format.schema, strict: true }
}

function decodeTool(tool: unknown, index: number): Tool {
  const parsed = toolSchema.safeParse(tool)
  if (!parsed.success) throw firstProblem(parsed.error, tool, ['tools', index])
  const { name, description, input_schema: parameters, strict } = parsed.data
  return {
    kind: 'function',
    name,
    ...(typeof description === 'string' && { description }),
    parameters,
    field: `tools[${index}].input_schema`,
    strict: strict ?? false,
  }
}

function refuseTwice(tools: readonly Tool[], name: string, param: string): void {
  if (!tools.some((tool) => tool.name === name)) return
  throw new TurnError(
    'invalid_value',
    `${param} is "${name}", as that of an earlier tool; each name must be its own.`,
    { param },
  )
}

function decodeChoice(
  { tool_choice: choice }: Pick<CountRequest, 'tool_choice'>,
  tools: readonly Tool[],
): ToolChoice {
  switch (choice?.type) {
    case undefined:
    case 'auto':
      return { type: 'auto' }
    case 'none':
      return { type: 'none' }
    case 'any':
      if (tools.length === 0) throw withoutTools('tool_choice')
      return { type: 'required' }
    case 'tool': {
      const param = 'tool_choice.name'
      if (tools.length === 0) throw withoutTools(param)
      if (tools.some(({ name }) => name === choice.name))
        return { type: 'required', names: [choice.name] }
      throw new TurnError(
        'invalid_value',
        `${param} is "${choice.name}", which is not among the tools: ${tools.map(({ name }) => name).join(', ')}.`,
        { param },
      )
    }
  }
}

function withoutTools(param: string): TurnError {
  return new TurnError(
    'invalid_value',
    `${param} asks for a call, but the request has no tools of its own.`,
    { param },
  )
}
