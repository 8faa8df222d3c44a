import type { ChatCompletionChunk, ChatCompletionMessage } from 'openai/resources/chat/completions'
import type { TurnEvent } from '../../turn/event.ts'
import type { ToolCallPart } from '../../turn/message.ts'

/** OpenAI's chunk type knows only functions; custom tools are streamed alike, under `custom`. */
type CallDelta =
  | ChatCompletionChunk.Choice.Delta.ToolCall
  | { index: number; id?: string; type?: 'custom'; custom: { name?: string; input: string } }

export type CallsDelta = {
  tool_calls?: CallDelta[]
  function_call?: ChatCompletionChunk.Choice.Delta.FunctionCall
}

type CallEvent = Extract<TurnEvent, { type: 'tool-call-start' | 'tool-call-delta' }>

/** The calls of one choice as deltas: id and name once, then pieces of the input. */
export class CallEncoder {
  readonly #legacy: boolean
  #index = -1
  #kind: 'function' | 'custom' = 'function'

  constructor(legacy: boolean) {
    this.#legacy = legacy
  }

  push(event: CallEvent): CallsDelta {
    if (event.type === 'tool-call-delta') return this.#piece(event.input)
    const { id, name, kind } = event
    this.#index++
    this.#kind = kind
    if (this.#legacy) return { function_call: { name, arguments: '' } }
    const index = this.#index
    return kind === 'custom'
      ? { tool_calls: [{ index, id, type: 'custom', custom: { name, input: '' } }] }
      : { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }
  }

  #piece(input: string): CallsDelta {
    if (this.#legacy) return { function_call: { arguments: input } }
    const index = this.#index
    return this.#kind === 'custom'
      ? { tool_calls: [{ index, custom: { input } }] }
      : { tool_calls: [{ index, function: { arguments: input } }] }
  }
}

/** The calls of a whole answer. One that a token limit cut off is no call: its arguments are not JSON. */
export function encodeCalls(
  calls: readonly ToolCallPart[],
  legacy: boolean,
): Pick<ChatCompletionMessage, 'tool_calls' | 'function_call'> {
  const whole = calls.filter(({ kind, input }) => kind === 'custom' || isJson(input))
  const [first] = whole
  if (!first) return {}
  if (legacy) return { function_call: { name: first.name, arguments: first.input } }
  return {
    tool_calls: whole.map(({ id, name, input, kind }) =>
      kind === 'custom'
        ? { id, type: 'custom', custom: { name, input } }
        : { id, type: 'function', function: { name, arguments: input } },
    ),
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
