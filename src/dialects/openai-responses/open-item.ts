import type { ToolCallPart } from '../../turn/message.ts'
import { type OutputItem, type OutputItems, textPart } from './output-items.ts'
import type { CommandEvent, ToldEvent } from './wire-types.ts'

type Asked =
  | { kind: 'message' }
  | { kind: 'reasoning' }
  | { kind: 'call'; call: Pick<ToolCallPart, 'id' | 'name' | 'kind'> }

/** An item of a stream while it grows: announced, filled, done. Joins its pieces, which the end repeats whole. */
export class OpenItem {
  readonly asked: Asked
  readonly #index: number
  readonly #items: OutputItems
  readonly #pieces: string[] = []
  readonly #id: string
  #hasSummary = false
  #sealed: string | undefined

  constructor(asked: Asked, index: number, items: OutputItems) {
    this.asked = asked
    this.#index = index
    this.#items = items
    this.#id = this.#shown('', 'in_progress').id ?? ''
  }

  begin(): ToldEvent[] {
    const output_index = this.#index
    const item = this.#shown(undefined, 'in_progress')
    const added: ToldEvent = { type: 'response.output_item.added', output_index, item }
    if (this.asked.kind !== 'message') return [added]
    return [added, { type: 'response.content_part.added', ...this.#content, part: textPart('') }]
  }

  delta(text: string): ToldEvent[] {
    const isFirst = this.#pieces.length === 0
    this.#pieces.push(text)
    switch (this.asked.kind) {
      case 'message':
        return [{ type: 'response.output_text.delta', ...this.#content, delta: text, logprobs: [] }]
      case 'reasoning': {
        if (!this.#items.withSummary) return []
        this.#hasSummary = true
        const delta: ToldEvent = {
          type: 'response.reasoning_summary_text.delta',
          ...this.#summary,
          delta: text,
        }
        if (!isFirst) return [delta]
        const part = { type: 'summary_text' as const, text: '' }
        return [{ type: 'response.reasoning_summary_part.added', ...this.#summary, part }, delta]
      }
      case 'call':
        // Its fields are told once all of them are there.
        if (this.#items.isCallerTool(this.asked.call.name)) return []
        return [{ type: `response.${this.#inputName}.delta`, ...this.#place, delta: text }]
    }
  }

  /** Thinking is whole, with the API's own seal where there is one; `sealed`: that only the API can read it. */
  seal({ signature, sealed }: { signature?: string | undefined; sealed?: string }): void {
    if (this.asked.kind !== 'reasoning') return
    const text = this.#pieces.join('')
    this.#sealed = this.#items.sealed([
      sealed === undefined
        ? { type: 'reasoning', text, ...(signature !== undefined && { signature }) }
        : { type: 'sealed-reasoning', data: sealed },
    ])
  }

  /** What is said when nothing more comes. */
  end(status: 'completed' | 'incomplete'): ToldEvent[] {
    const text = this.#pieces.join('')
    const output_index = this.#index
    return [
      ...this.#filled(text),
      { type: 'response.output_item.done', output_index, item: this.item(status) },
    ]
  }

  item(status: 'completed' | 'incomplete'): OutputItem {
    return this.#shown(this.#pieces.join(''), status)
  }

  #filled(text: string): ToldEvent[] {
    switch (this.asked.kind) {
      case 'message':
        return [
          { type: 'response.output_text.done', ...this.#content, text, logprobs: [] },
          { type: 'response.content_part.done', ...this.#content, part: textPart(text) },
        ]
      case 'reasoning': {
        if (!this.#hasSummary) return []
        const part = { type: 'summary_text' as const, text }
        return [
          { type: 'response.reasoning_summary_text.done', ...this.#summary, text },
          { type: 'response.reasoning_summary_part.done', ...this.#summary, part },
        ]
      }
      case 'call':
        if (this.#items.isCallerTool(this.asked.call.name)) {
          return commandEvents(this.#shown(text, 'completed'), this.#index)
        }
        return this.asked.call.kind === 'custom'
          ? [{ type: 'response.custom_tool_call_input.done', ...this.#place, input: text }]
          : [
              {
                type: 'response.function_call_arguments.done',
                ...this.#place,
                name: this.#name,
                arguments: text,
              },
            ]
    }
  }

  #shown(text: string | undefined, status: 'in_progress' | 'completed' | 'incomplete'): OutputItem {
    switch (this.asked.kind) {
      case 'message':
        return this.#items.message(this.#index, text, status)
      case 'reasoning':
        return this.#items.reasoning(this.#index, text, status, this.#sealed)
      case 'call':
        return this.#items.call(this.#index, { ...this.asked.call, input: text ?? '' }, status)
    }
  }

  get #place(): { item_id: string; output_index: number } {
    return { item_id: this.#id, output_index: this.#index }
  }

  get #content(): { item_id: string; output_index: number; content_index: number } {
    return { ...this.#place, content_index: 0 }
  }

  get #summary(): { item_id: string; output_index: number; summary_index: number } {
    return { ...this.#place, summary_index: 0 }
  }

  get #inputName(): 'custom_tool_call_input' | 'function_call_arguments' {
    const isCustom = this.asked.kind === 'call' && this.asked.call.kind === 'custom'
    return isCustom ? 'custom_tool_call_input' : 'function_call_arguments'
  }

  /** The caller's own name for what is called. */
  get #name(): string {
    const item = this.#shown('', 'in_progress')
    return 'name' in item ? item.name : ''
  }
}

/** The commands of a shell's call, as OpenAI tells them; nothing of other items. */
export function commandEvents(item: OutputItem, output_index: number): CommandEvent[] {
  if (item.type !== 'shell_call') return []
  return item.action.commands.flatMap((command, command_index): CommandEvent[] => {
    const place = { output_index, command_index }
    return [
      { type: 'response.shell_call_command.added', ...place, command: '' },
      { type: 'response.shell_call_command.delta', ...place, delta: command },
      { type: 'response.shell_call_command.done', ...place, command },
    ]
  })
}
