import type {
  ResponseApplyPatchToolCall,
  ResponseCustomToolCall,
  ResponseFunctionShellToolCall,
  ResponseFunctionShellToolCallOutput,
  ResponseFunctionToolCall,
  ResponseFunctionWebSearch,
  ResponseOutputMessage,
  ResponseOutputText,
  ResponseReasoningItem,
} from 'openai/resources/responses/responses'
import type { Seal } from '../../lib/seal.ts'
import type { Activity } from '../../turn/event.ts'
import type { ToolCallPart } from '../../turn/message.ts'
import type { EncodeContext } from '../dialect.ts'
import { callerToolsOf, patchCall, shellCall } from './caller-tools.ts'
import { hasHostedShell, ranCommand } from './hosted-shell.ts'
import { namespacedNames } from './namespaces.ts'
import { asksForThinking, type Thought, writeThinking } from './thinking.ts'

type Status = 'in_progress' | 'completed' | 'incomplete'
export type OutputItem =
  | ResponseOutputMessage
  | ResponseReasoningItem
  | ResponseFunctionToolCall
  | ResponseCustomToolCall
  | ResponseFunctionWebSearch
  | ResponseFunctionShellToolCall
  | ResponseFunctionShellToolCallOutput
  | ResponseApplyPatchToolCall

export type CallItem =
  | ResponseFunctionToolCall
  | ResponseCustomToolCall
  | ResponseFunctionShellToolCall
  | ResponseApplyPatchToolCall

/** A tool of Claude Code's that has run, and what came of it. */
export type RanTool = {
  use: Extract<Activity, { type: 'tool-use' }>
  result: Extract<Activity, { type: 'tool-result' }>
}

/** The items of one answer: their ids, and the names by which the caller knows its tools. */
export class OutputItems {
  readonly #context: EncodeContext
  readonly #names: ReturnType<typeof namespacedNames>
  readonly #callerTools: ReadonlySet<string>
  readonly #withCommands: boolean
  readonly #seal: Seal | undefined
  readonly #withSummary: boolean

  constructor(context: EncodeContext) {
    this.#context = context
    this.#names = namespacedNames(context.body)
    this.#callerTools = callerToolsOf(context.body)
    this.#seal = asksForThinking(context.body.include) ? context.seal : undefined
    this.#withCommands = hasHostedShell(context.body)
    this.#withSummary = asksForSummary(context.body.reasoning)
  }

  /** Whether the thinking that the model shows goes out; OpenAI shows a summary of it only where it is asked for. */
  get withSummary(): boolean {
    return this.#withSummary
  }

  message(index: number, text: string | undefined, status: Status): ResponseOutputMessage {
    return {
      id: this.#id('msg', index),
      type: 'message',
      status,
      role: 'assistant',
      content: text === undefined ? [] : [textPart(text)],
    }
  }

  /** The thinking sealed for its caller to keep, where that is asked for. A new text each time. */
  sealed(thoughts: readonly Thought[]): string | undefined {
    return this.#seal && writeThinking(this.#seal, thoughts)
  }

  /** Whether thinking that nobody but the API can read is an item. */
  get withSealed(): boolean {
    return this.#seal !== undefined
  }

  reasoning(
    index: number,
    text: string | undefined,
    status: Status,
    sealed?: string,
  ): ResponseReasoningItem {
    const summary =
      text === undefined || text === '' || !this.#withSummary
        ? []
        : [{ type: 'summary_text' as const, text }]
    return {
      id: this.#id('rs', index),
      type: 'reasoning',
      summary,
      ...(sealed !== undefined && { encrypted_content: sealed }),
      status,
    }
  }

  call(index: number, call: Omit<ToolCallPart, 'type'>, status: Status): CallItem {
    if (this.#callerTools.has(call.name)) {
      return call.name === 'shell'
        ? shellCall(this.#id('sh', index), call, status)
        : patchCall(this.#id('apc', index), call, status)
    }
    const { id: call_id, input, kind } = call
    const names = this.#names.get(call.name) ?? { name: call.name }
    return kind === 'custom'
      ? { id: this.#id('ctc', index), type: 'custom_tool_call', call_id, ...names, input }
      : {
          id: this.#id('fc', index),
          type: 'function_call',
          status,
          arguments: input,
          call_id,
          ...names,
        }
  }

  /** Whether what Claude Code has run is an item: a search, and a command where the request has a shell for it. */
  isItem({ name }: RanTool['use']): boolean {
    return name === 'WebSearch' || (name === 'Bash' && this.#withCommands)
  }

  /** Whether the calls of a function are items of their own kind. */
  isCallerTool(name: string): boolean {
    return this.#callerTools.has(name)
  }

  /** Of what `isItem`, from this place on. */
  ran(index: number, ran: RanTool): OutputItem[] {
    const query = searchQuery(ran.use)
    if (query === undefined) return this.command(index, ran)
    return [this.webSearch(index, query, ran.result.isError ? 'failed' : 'completed')]
  }

  /** Of a command that has run here, from this place on. */
  command(index: number, { use, result }: RanTool): ReturnType<typeof ranCommand> {
    return ranCommand(
      { call: this.#id('sh', index), output: this.#id('sho', index + 1) },
      use,
      result,
    )
  }

  webSearch(
    index: number,
    query: string,
    status: 'completed' | 'failed',
  ): ResponseFunctionWebSearch {
    return {
      id: this.#id('ws', index),
      type: 'web_search_call',
      status,
      action: { type: 'search', query, queries: [query] },
    }
  }

  #id(prefix: string, index: number): string {
    return `${prefix}_${this.#context.id}${String(index).padStart(4, '0')}`
  }
}

export function textPart(text: string): ResponseOutputText {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}

/** The query of a search that Claude Code has made; undefined for what is no search. */
export function searchQuery(activity: Activity): string | undefined {
  if (activity.type !== 'tool-use' || activity.name !== 'WebSearch') return undefined
  const { input } = activity
  if (typeof input !== 'object' || input === null || !('query' in input)) return ''
  return typeof input.query === 'string' ? input.query : ''
}

function asksForSummary(reasoning: unknown): boolean {
  if (typeof reasoning !== 'object' || reasoning === null) return false
  const { summary, generate_summary: older } = reasoning as Record<string, unknown>
  return typeof summary === 'string' || typeof older === 'string'
}
