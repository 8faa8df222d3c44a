import type {
  ResponseCustomToolCall,
  ResponseFunctionToolCall,
  ResponseFunctionWebSearch,
  ResponseOutputMessage,
  ResponseOutputText,
  ResponseReasoningItem,
} from 'openai/resources/responses/responses'
import type { Activity } from '../../turn/event.ts'
import type { ToolCallPart } from '../../turn/message.ts'
import type { EncodeContext } from '../dialect.ts'
import { namespacedNames } from './namespaces.ts'
import { asksForThinking, type Thought, writeThinking } from './thinking.ts'

type Status = 'in_progress' | 'completed' | 'incomplete'
export type OutputItem =
  | ResponseOutputMessage
  | ResponseReasoningItem
  | ResponseFunctionToolCall
  | ResponseCustomToolCall
  | ResponseFunctionWebSearch

/** The items of one answer: their ids, and the names by which the caller knows its tools. */
export class OutputItems {
  readonly #context: EncodeContext
  readonly #names: ReturnType<typeof namespacedNames>
  readonly #withSummary: boolean

  constructor(context: EncodeContext) {
    this.#context = context
    this.#names = namespacedNames(context.body)
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
    const { seal, body } = this.#context
    return seal && asksForThinking(body.include) ? writeThinking(seal, thoughts) : undefined
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

  call(
    index: number,
    call: Omit<ToolCallPart, 'type'>,
    status: Status,
  ): ResponseFunctionToolCall | ResponseCustomToolCall {
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
