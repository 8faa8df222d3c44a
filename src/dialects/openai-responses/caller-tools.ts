import type {
  ResponseApplyPatchToolCall,
  ResponseFunctionShellToolCall,
} from 'openai/resources/responses/responses'
import type { ToolCallPart, ToolMessage } from '../../turn/message.ts'
import type { FunctionTool } from '../../turn/tool.ts'
import type { Item } from './item-schema.ts'
import { toolsOf } from './namespaces.ts'

/** Tools that OpenAI defines and the caller runs: the model sees a function, the caller items of their own. */
export type CallerTool = 'shell' | 'apply_patch'

type Json = Readonly<Record<string, unknown>>

const shell: Omit<FunctionTool, 'field'> = {
  kind: 'function',
  name: 'shell',
  description:
    'Runs shell commands, one after another, on the machine of whoever asks. The result has what each wrote and how it ended.',
  parameters: {
    type: 'object',
    properties: {
      commands: { type: 'array', items: { type: 'string' }, minItems: 1 },
      timeout_ms: { type: 'integer', description: 'The most that the commands may take.' },
      max_output_length: {
        type: 'integer',
        description: 'The most characters of output that are wanted.',
      },
    },
    required: ['commands'],
    additionalProperties: false,
  },
  strict: true,
}

const applyPatch: Omit<FunctionTool, 'field'> = {
  kind: 'function',
  name: 'apply_patch',
  description: `Creates, changes or deletes a file on the machine of whoever asks.
\`diff\` has one line of the file a line, each with a mark before it: a space for a line that stays, \`-\` for one that goes, \`+\` for one that comes. For update_file give three lines that stay before and after each change, and begin each change with a line \`@@\`, behind which may stand the line of the class or function that it is in. No line numbers. For create_file every line begins with \`+\`. For delete_file \`diff\` is empty.`,
  parameters: {
    type: 'object',
    properties: {
      type: { type: 'string', enum: ['create_file', 'update_file', 'delete_file'] },
      path: { type: 'string' },
      diff: { type: 'string' },
    },
    required: ['type', 'path', 'diff'],
    additionalProperties: false,
  },
  strict: true,
}

export const callerTools: Readonly<Record<CallerTool, FunctionTool>> = {
  shell,
  apply_patch: applyPatch,
}

/** Whether the caller runs a tool; a shell in a container of OpenAI's it does not. */
export function isCallerRun(tool: {
  type?: unknown
  environment?: unknown
}): tool is { type: CallerTool } {
  if (tool.type === 'apply_patch') return true
  const { type = 'local' } = Object(tool.environment) as { type?: unknown }
  return tool.type === 'shell' && type === 'local'
}

/** Which of them a request has; of the same name as the model knows them. */
export function callerToolsOf(body: Json): ReadonlySet<string> {
  return new Set(toolsOf(body).flatMap((tool) => (isCallerRun(tool) ? [tool.type] : [])))
}

/** A call as its caller is told of it: empty until it is whole. */
export function shellCall(
  id: string,
  { id: call_id, input }: Pick<ToolCallPart, 'id' | 'input'>,
  status: ResponseFunctionShellToolCall['status'],
): ResponseFunctionShellToolCall {
  const { commands, timeout_ms = null, max_output_length = null } = read(input)
  return {
    id,
    type: 'shell_call',
    call_id,
    status,
    action: {
      commands: Array.isArray(commands) ? (commands as string[]) : [],
      timeout_ms: timeout_ms as number | null,
      max_output_length: max_output_length as number | null,
    },
    environment: { type: 'local' },
  }
}

export function patchCall(
  id: string,
  { id: call_id, input }: Pick<ToolCallPart, 'id' | 'input'>,
  status: 'in_progress' | 'completed' | 'incomplete',
): ResponseApplyPatchToolCall {
  const { type, path, diff } = read(input)
  const at = { path: textOnly(path) }
  const operation: ResponseApplyPatchToolCall['operation'] =
    type === 'delete_file'
      ? { type, ...at }
      : {
          type: type === 'create_file' ? 'create_file' : 'update_file',
          ...at,
          diff: textOnly(diff),
        }
  return {
    id,
    type: 'apply_patch_call',
    call_id,
    status: status === 'completed' ? 'completed' : 'in_progress',
    operation,
  }
}

type CallItem = Extract<Item, { type: 'shell_call' | 'apply_patch_call' }>

/** A call that comes back, as the model made it. */
export function decodeCallerCall(item: CallItem): ToolCallPart {
  const input =
    item.type === 'shell_call'
      ? withoutNulls(item.action)
      : { ...item.operation, diff: item.operation.diff ?? '' }
  const name: CallerTool = item.type === 'shell_call' ? 'shell' : 'apply_patch'
  return {
    type: 'tool-call',
    id: item.call_id,
    name,
    input: JSON.stringify(input),
    kind: 'function',
  }
}

type OutputItem = Extract<Item, { type: 'shell_call_output' | 'apply_patch_call_output' }>

/** What came of it, in words. */
export function decodeCallerOutput(item: OutputItem): ToolMessage {
  const isPatch = item.type === 'apply_patch_call_output'
  const text = isPatch
    ? (item.output ?? `The patch is ${item.status}.`)
    : item.output.map(shellWords).join('\n')
  return {
    role: 'tool',
    callId: item.call_id,
    content: [{ type: 'text', text }],
    ...(isPatch && item.status === 'failed' && { isError: true as const }),
  }
}

type ShellOutput = Extract<Item, { type: 'shell_call_output' }>['output'][number]

function shellWords({ stdout, stderr, outcome }: ShellOutput): string {
  const end = outcome.type === 'timeout' ? 'It took too long.' : `Exit code ${outcome.exit_code}.`
  return [stdout, stderr === '' ? '' : `stderr:\n${stderr}`, end]
    .filter((text) => text !== '')
    .join('\n')
}

function withoutNulls(action: Json): Json {
  return Object.fromEntries(Object.entries(action).filter(([, value]) => value !== null))
}

/** Nothing of what is not whole. */
function read(input: string): Json {
  try {
    return Object(JSON.parse(input)) as Json
  } catch {
    return {}
  }
}

/** Nothing of what is no text. */
export function textOnly(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
