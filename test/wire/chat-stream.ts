import type { OpenAIDocument } from '../support/openai-document.ts'
import {
  asksForUsage,
  documentProblems,
  headProblems,
  isObject,
  type Json,
  keyProblems,
  objectsOf,
  parsed,
  problemsOfError,
  readChunks,
  usageProblems,
} from './frames.ts'

/** What of a request decides how its answer looks. */
export type Asked = { n?: number | null; stream_options?: unknown }

/**
 * What is wrong with a streamed chat completion, as it came over the wire. What belongs to one choice is in `ChoiceOrder`; `document`: the
 * chunks are also held to OpenAI's schemas.
 */
export function problemsOfChatStream(
  text: string,
  asked: Asked = {},
  document?: OpenAIDocument,
): string[] {
  const { chunks, error, problems } = readChunks(text)
  if (problems.length > 0) return problems
  const isOver = error === undefined
  const includesUsage = asksForUsage(asked)
  if (error && chunks.length === 0) return problemsOfError(error)
  return [
    ...headProblems(chunks, 'chat.completion.chunk', 'chatcmpl-'),
    ...usageProblems(chunks, includesUsage, isOver),
    ...choiceProblems(chunks, { n: asked.n ?? 1, includesUsage, isOver }),
    ...(error ? problemsOfError(error) : []),
    ...documentProblems(document, 'CreateChatCompletionStreamResponse', chunks),
    ...documentProblems(document, 'ErrorResponse', error ? [error] : []),
  ]
}

function choiceProblems(
  chunks: readonly Json[],
  { n, includesUsage, isOver }: { n: number; includesUsage: boolean; isOver: boolean },
): string[] {
  const problems: string[] = []
  const orders = Array.from({ length: n }, (_, index) => new ChoiceOrder(index))
  for (const [index, { choices }] of chunks.entries()) {
    const isUsage = includesUsage && isOver && index === chunks.length - 1
    const own = objectsOf(choices)
    if (!Array.isArray(choices) || own.length !== (isUsage ? 0 : 1))
      problems.push(`a chunk has ${own.length} choices`)
    for (const choice of own) {
      const order = orders[Number(choice.index)]
      if (order) order.push(choice)
      else problems.push(`there is no choice ${String(choice.index)}`)
    }
  }
  return [...problems, ...orders.flatMap((order) => order.end(isOver))]
}

type Call = { id?: unknown; name: string; text: string; kind: 'function' | 'custom' }

/** The rules of the order of one choice's chunks: its role first and once, what it says, and why it ended in a chunk that says nothing. */
class ChoiceOrder {
  readonly #index: number
  readonly #problems: string[] = []
  readonly #calls: Call[] = []
  #legacyCall: string | undefined
  #hasBegun = false
  #reason: unknown = null

  constructor(index: number) {
    this.#index = index
  }

  push(choice: Json): void {
    this.#add(keyProblems('a choice', choice, ['index', 'delta', 'logprobs', 'finish_reason']))
    const { delta, finish_reason: reason, logprobs } = choice
    if (!isObject(delta)) return this.#add(['a delta is no object'])
    if (logprobs !== null) this.#add(['logprobs is not null'])
    if (this.#reason !== null) this.#add(['a chunk comes after the finish reason'])
    if (!this.#hasBegun) return this.#begin(delta, reason)
    if ('role' in delta) this.#add(['the role is told again'])
    if (reason !== null) {
      this.#add(keyProblems('the last delta', delta, []))
      this.#reason = reason
    }
    this.#say(delta)
  }

  /** What is left to say of the whole; `isOver`: it was not cut by an error. */
  end(isOver: boolean): string[] {
    if (!isOver) return this.#problems
    if (!this.#hasBegun) this.#add(['no chunk'])
    if (typeof this.#reason !== 'string') this.#add(['no finish reason'])
    const isCut = this.#reason === 'length' || this.#reason === 'content_filter'
    if (!isCut) this.#endWhole()
    return this.#problems
  }

  #endWhole(): void {
    const hasCalls = this.#calls.length > 0
    if (hasCalls !== (this.#reason === 'tool_calls'))
      this.#add([`finish_reason ${String(this.#reason)} with ${this.#calls.length} calls`])
    if ((this.#legacyCall !== undefined) !== (this.#reason === 'function_call'))
      this.#add([`finish_reason ${String(this.#reason)} with or without a function call`])
    const inputs = this.#calls.filter(({ kind }) => kind === 'function').map(({ text }) => text)
    for (const text of [...inputs, ...(this.#legacyCall === undefined ? [] : [this.#legacyCall])]) {
      if (!isObject(parsed(text))) this.#add([`the arguments are no JSON object: ${text}`])
    }
    const ids = this.#calls.map(({ id }) => id)
    if (new Set(ids).size < ids.length) this.#add(['two calls have one id'])
  }

  #begin(delta: Json, reason: unknown): void {
    this.#hasBegun = true
    this.#add(keyProblems('the first delta', delta, ['role', 'content', 'refusal']))
    if (delta.role !== 'assistant') this.#add([`the role is ${String(delta.role)}`])
    if (delta.content !== '' && delta.content !== null)
      this.#add(['the first delta says something'])
    if (delta.refusal !== null) this.#add(['the refusal of the first delta is not null'])
    if (reason !== null) this.#add(['the first chunk is the last one'])
  }

  #say(delta: Json): void {
    for (const [field, value] of Object.entries(delta)) {
      switch (field) {
        case 'role':
          break
        case 'content':
        case 'reasoning_content':
          if (typeof value !== 'string') this.#add([`${field} is no text`])
          break
        case 'tool_calls':
          this.#call(value)
          break
        case 'function_call':
          this.#callLegacy(value)
          break
        default:
          this.#add([`a delta has ${field}`])
      }
    }
  }

  #call(calls: unknown): void {
    const deltas = objectsOf(calls)
    if (deltas.length === 0) this.#add(['tool_calls is empty'])
    for (const call of deltas) {
      const known = this.#calls[Number(call.index)]
      if (known) this.#continue(known, call)
      else this.#open(call)
    }
  }

  #open(call: Json): void {
    if (call.index !== this.#calls.length) this.#add([`a call has index ${String(call.index)}`])
    const kind = call.type === 'custom' ? 'custom' : 'function'
    const field = kind === 'custom' ? 'input' : 'arguments'
    this.#add(keyProblems('the first delta of a call', call, ['index', 'id', 'type', kind]))
    const named = call[kind]
    if (!isObject(named)) return this.#add(['a call has no function'])
    this.#add(keyProblems('the function of a call', named, ['name', field]))
    if (typeof call.id !== 'string' || call.id === '') this.#add(['a call has no id'])
    if (typeof named.name !== 'string' || named.name === '') this.#add(['a call has no name'])
    if (named[field] !== '') this.#add(['a call does not begin empty'])
    this.#calls.push({ id: call.id, name: String(named.name), text: '', kind })
  }

  #continue(known: Call, call: Json): void {
    if (known !== this.#calls.at(-1)) this.#add(['an earlier call goes on'])
    const field = known.kind === 'custom' ? 'input' : 'arguments'
    this.#add(keyProblems('a later delta of a call', call, ['index', known.kind]))
    const piece = call[known.kind]
    if (!isObject(piece)) return this.#add(['a delta of a call has no function'])
    this.#add(keyProblems('the function of a later delta', piece, [field]))
    if (typeof piece[field] === 'string') known.text += piece[field]
    else this.#add([`${field} is no text`])
  }

  #callLegacy(call: unknown): void {
    if (!isObject(call)) return this.#add(['function_call is no object'])
    const isFirst = this.#legacyCall === undefined
    this.#add(keyProblems('function_call', call, isFirst ? ['name', 'arguments'] : ['arguments']))
    if (typeof call.arguments !== 'string') return this.#add(['arguments is no text'])
    this.#legacyCall = (this.#legacyCall ?? '') + call.arguments
  }

  #add(problems: readonly string[]): void {
    this.#problems.push(...problems.map((problem) => `choice ${this.#index}: ${problem}`))
  }
}
