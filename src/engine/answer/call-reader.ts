import type { TurnEvent } from '../../turn/event.ts'
import type { AnswerBlocks } from './answer-blocks.ts'
import { type ClientTools, customInput } from '../tools/client-tools.ts'

/**
 * Calls of the caller's tools, as the model writes them. What must be whole before it may be shown (free text, arguments to be
 * checked, a call that is not allowed now) is held back until it is.
 */
export class CallReader {
  readonly #blocks: AnswerBlocks
  readonly #clientTools: ClientTools
  #call: { id: string; name: string; input: string; held: boolean } | undefined

  constructor(blocks: AnswerBlocks, clientTools: ClientTools) {
    this.#blocks = blocks
    this.#clientTools = clientTools
  }

  /** Whether a call is being written. */
  get reading(): boolean {
    return this.#call !== undefined
  }

  /** A tool use begins; one that is not the caller's means nothing here. */
  start({ id, name }: { id: string; name: string }): TurnEvent[] {
    const kind = this.#clientTools.kindOf(name)
    if (kind === undefined) return []
    const held = this.#clientTools.isHeld(name) || !this.#clientTools.isChosen(name)
    this.#call = { id, name, input: '', held }
    return held ? [] : this.#blocks.openCall(id, name, kind)
  }

  /** A fragment of the input's JSON. */
  push(fragment: string): TurnEvent[] {
    if (!this.#call) return []
    this.#call.input += fragment
    return this.#call.held || fragment === '' ? [] : this.#blocks.callInput(fragment)
  }

  end(): TurnEvent[] {
    const call = this.#call
    this.#call = undefined
    if (!call) return []
    if (call.held) return this.#show(call)
    // No arguments are an empty object, never an empty text.
    const input = call.input === '' ? this.#blocks.callInput('{}') : []
    return [...input, ...this.#blocks.end()]
  }

  /** Checks a held call as the hook checks it, so that both decide alike. */
  #show({ id, name, input }: { id: string; name: string; input: string }): TurnEvent[] {
    const kind = this.#clientTools.kindOf(name)
    const value = parseInput(input)
    if (kind === undefined || this.#clientTools.refusal(name, value) !== undefined) return []
    const text = kind === 'custom' ? freeText(value) : input || '{}'
    return [
      ...this.#blocks.openCall(id, name, kind),
      ...this.#blocks.callInput(text),
      ...this.#blocks.end(),
    ]
  }
}

function freeText(value: Readonly<Record<string, unknown>>): string {
  const text = value[customInput] ?? ''
  return typeof text === 'string' ? text : JSON.stringify(text)
}

/** Input that is not JSON is no input: the check then says what is missing. */
function parseInput(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text || '{}')
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
