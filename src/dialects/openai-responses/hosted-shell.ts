import type {
  ResponseFunctionShellToolCall,
  ResponseFunctionShellToolCallOutput,
} from 'openai/resources/responses/responses'
import type { Activity } from '../../turn/event.ts'
import { textOnly } from './caller-tools.ts'
import { toolsOf } from './namespaces.ts'

type Json = Readonly<Record<string, unknown>>
type ToolUse = Extract<Activity, { type: 'tool-use' }>
type ToolResult = Extract<Activity, { type: 'tool-result' }>

/** Marks calls that were made here: a client that sends them back waits for no result. */
const mark = 'hosted_'

/** Whether a call was made here, by its id. */
export function isHostedCall(callId: string): boolean {
  return callId.startsWith(mark)
}

/** Whether a tool is a shell that OpenAI would run, which is Bash of Claude Code here. */
export function isHostedShell(tool: { type?: unknown; environment?: unknown }): boolean {
  const { type } = Object(tool.environment) as { type?: unknown }
  return tool.type === 'shell' && type === 'container_auto'
}

/** Whether a request has one, so that it is told what commands have run. */
export function hasHostedShell(body: Json): boolean {
  return toolsOf(body).some(isHostedShell)
}

/** A command that has run here, as the call of a shell and its output. */
export function ranCommand(
  ids: { call: string; output: string },
  use: ToolUse,
  result: ToolResult,
): [ResponseFunctionShellToolCall, ResponseFunctionShellToolCallOutput] {
  const { command, timeout } = Object(use.input) as { command?: unknown; timeout?: unknown }
  const call_id = mark + use.id
  const text = textOf(result.content)
  return [
    {
      id: ids.call,
      type: 'shell_call',
      call_id,
      status: 'completed',
      action: {
        commands: [textOnly(command)],
        timeout_ms: typeof timeout === 'number' ? timeout : null,
        max_output_length: null,
      },
      environment: null,
    },
    {
      id: ids.output,
      type: 'shell_call_output',
      call_id,
      status: 'completed',
      output: [
        {
          // Claude Code tells both streams as one text.
          stdout: result.isError ? '' : text,
          stderr: result.isError ? text : '',
          outcome: { type: 'exit', exit_code: exitCode(text, result.isError) },
        },
      ],
      max_output_length: null,
    },
  ]
}

/** Claude Code tells it in words, where it is not 0. */
function exitCode(text: string, isError: boolean): number {
  return isError ? Number(/^Exit code (\d+)/.exec(text)?.[1] ?? 1) : 0
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((block) => textOnly((Object(block) as Json).text)).join('\n')
}
