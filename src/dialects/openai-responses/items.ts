import type { Seal } from '../../lib/seal.ts'
import { TurnError } from '../../turn/error.ts'
import type { AssistantMessage, Message, ToolCallPart, ToolMessage } from '../../turn/message.ts'
import type { Disclosures } from '../openai-chat/disclosures.ts'
import { functionCall } from '../openai-chat/function-call.ts'
import {
  checkToolResults,
  type PlacedMessage,
  type ResultWords,
} from '../openai-chat/tool-results.ts'
import { decodeCallerCall, decodeCallerOutput } from './caller-tools.ts'
import { isHostedCall } from './hosted-shell.ts'
import type { Item } from './item-schema.ts'
import { innerName } from './namespaces.ts'
import { decodeParts, textsOf } from './parts.ts'
import { readSummary } from './summary.ts'
import { readThinking } from './thinking.ts'

export type Conversation = { instructions: string[]; messages: Message[] }

/**
 * Divides `input` into instructions and conversation; what an assistant said and called in one go is one message. Throws a `TurnError` for
 * items that cannot be read, and when the conversation does not end with the user.
 */
export function decodeInput(
  input: string | readonly Item[],
  disclosures: Disclosures,
  seal?: Seal,
): Conversation {
  if (typeof input === 'string') {
    const text = { type: 'text' as const, text: input }
    return { instructions: [], messages: [{ role: 'user', content: [text] }] }
  }
  const reader = new InputReader(disclosures, seal)
  for (const [index, item] of input.entries()) reader.push(item, index)
  return reader.end(input)
}

const words: ResultWords = {
  result: (index) => `input[${index}].call_id`,
  calls: (index) => `input[${index}]`,
  advice: 'Add a `function_call_output` with its `call_id` for each, behind the calls.',
}

class InputReader {
  readonly #disclosures: Disclosures
  readonly #seal: Seal | undefined
  readonly #instructions: string[] = []
  readonly #placed: PlacedMessage[] = []
  readonly #moved: number[] = []
  /** What the assistant is saying, until somebody else speaks. */
  #open: AssistantMessage | undefined

  constructor(disclosures: Disclosures, seal: Seal | undefined) {
    this.#disclosures = disclosures
    this.#seal = seal
  }

  push(item: Item, index: number): void {
    const field = `input[${index}]`
    switch (item.type) {
      case 'message':
        this.#message(item, index)
        break
      case 'function_call':
      case 'custom_tool_call':
        this.#assistant(index).content.push(decodeCall(item, field))
        break
      case 'function_call_output':
      case 'custom_tool_call_output': {
        const content = decodeParts(item.output, `${field}.output`, this.#disclosures)
        this.#result(index, { role: 'tool', callId: item.call_id, content })
        break
      }
      case 'shell_call':
      case 'apply_patch_call':
        // One that has run here says nothing to a model that did not run it.
        if (!isHostedCall(item.call_id)) this.#assistant(index).content.push(decodeCallerCall(item))
        break
      case 'shell_call_output':
      case 'apply_patch_call_output':
        if (!isHostedCall(item.call_id)) this.#result(index, decodeCallerOutput(item))
        break
      case 'item_reference':
        throw new TurnError(
          'invalid_value',
          `${field}.id is no item that is kept here. Send the item itself.`,
          { param: `${field}.id` },
        )
      case 'compaction': {
        const text = readSummary(item.encrypted_content, `${field}.encrypted_content`)
        this.#place(index, { role: 'user', content: [{ type: 'text', text }] })
        break
      }
      case 'reasoning':
        this.#thoughts(item, index)
        break
      case 'web_search_call':
      case 'compaction_trigger':
      case 'additional_tools':
        break
    }
  }

  end(input: readonly Item[]): Conversation {
    if (this.#moved.length > 0) {
      const fields = this.#moved.map((index) => `input[${index}]`).join(', ')
      this.#disclosures.remark(
        `${fields}: instructions that come after the conversation has begun were moved to its front`,
      )
    }
    this.#dropThoughtsAlone()
    checkToolResults(this.#placed, words)
    const messages = this.#placed.map(({ message }) => message)
    expectQuestion(messages, input)
    return { instructions: this.#instructions, messages }
  }

  /** Claude Code tells no answers that are nothing else. */
  #dropThoughtsAlone(): void {
    for (const [at, { index, message }] of [...this.#placed.entries()].toReversed()) {
      const isAlone =
        message.role === 'assistant' &&
        message.content.every(({ type }) => type === 'reasoning' || type === 'sealed-reasoning')
      if (!isAlone || message.content.length === 0) continue
      this.#placed.splice(at, 1)
      this.#disclosures.remark(
        `input[${index}] is only thinking, which is no answer, and was left out`,
      )
    }
  }

  #message(item: Extract<Item, { type: 'message' }>, index: number): void {
    const field = `input[${index}].content`
    switch (item.role) {
      case 'system':
      case 'developer':
        if (this.#placed.length > 0) this.#moved.push(index)
        this.#instructions.push(...textsOf(item.content, field))
        break
      case 'user': {
        const content = decodeParts(item.content, field, this.#disclosures)
        if (content.length === 0) throw empty(field)
        this.#place(index, { role: 'user', content })
        break
      }
      case 'assistant': {
        const parts = textsOf(item.content, field).map((text) => ({ type: 'text' as const, text }))
        this.#assistant(index).content.push(...parts)
        break
      }
    }
  }

  #assistant(index: number): AssistantMessage {
    if (this.#open) return this.#open
    const message: AssistantMessage = { role: 'assistant', content: [] }
    this.#placed.push({ index, message })
    this.#open = message
    return message
  }

  /** A second output of one call (Codex sends what a script tells meanwhile so) is more of its result. */
  #result(index: number, message: ToolMessage): void {
    const begin = this.#placed.findLastIndex(({ message: { role } }) => role !== 'tool') + 1
    const earlier = this.#placed
      .slice(begin)
      .flatMap((placed) => (placed.message.role === 'tool' ? [placed.message] : []))
      .find(({ callId }) => callId === message.callId)
    if (earlier) earlier.content.push(...message.content)
    else this.#place(index, message)
  }

  /** What a client has kept of the model's thinking; the API takes none back that it has not sealed. */
  #thoughts(item: Extract<Item, { type: 'reasoning' }>, index: number): void {
    const { encrypted_content: content } = item
    if (!this.#seal || typeof content !== 'string') return
    const param = `input[${index}].encrypted_content`
    const read = { seal: this.#seal, param, disclosures: this.#disclosures }
    for (const thought of readThinking(content, read)) {
      if (thought.type === 'sealed-reasoning' || thought.signature !== undefined)
        this.#assistant(index).content.push(thought)
      else this.#disclosures.remark(`${param} has no seal of Claude's and was left out`)
    }
  }

  #place(index: number, message: Message): void {
    this.#open = undefined
    this.#placed.push({ index, message })
  }
}

type Call = Extract<Item, { type: 'function_call' | 'custom_tool_call' }>

function decodeCall(item: Call, field: string): ToolCallPart {
  const id = item.call_id
  const name = innerName(item.name, item.namespace ?? undefined)
  if (item.type === 'custom_tool_call') {
    return { type: 'tool-call', id, name, input: item.input, kind: 'custom' }
  }
  return functionCall(id, { name, arguments: item.arguments }, field)
}

function empty(param: string): TurnError {
  return new TurnError('invalid_value', `${param} must not be empty; got an empty array.`, {
    param,
  })
}

/** As in chat completions: Claude Code cannot let the model go on from its own words. */
function expectQuestion(messages: readonly Message[], input: readonly Item[]): void {
  const last = messages.at(-1)?.role
  if (last === 'user' || last === 'tool') return
  const param = `input[${input.length - 1}]`
  const why =
    last === 'assistant' ? ' Claude Code cannot let the model go on from its own words.' : ''
  throw new TurnError(
    'invalid_value',
    `The last item of the conversation must be the user's or a tool's.${why} Add a message of role "user" at the end of input.`,
    { param },
  )
}
