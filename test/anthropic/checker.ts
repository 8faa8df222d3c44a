import type { z } from 'zod'
import { errorSchema, eventSchema, messageSchema, type StreamEvent } from './shapes.ts'

/** What is wrong with a whole answer; nothing where it is right. */
export function problemsOfMessage(value: unknown): string[] {
  const parsed = messageSchema.safeParse(value)
  if (!parsed.success) return issues(parsed.error)
  const { content, stop_reason: reason, stop_sequence: sequence } = parsed.data
  return problemsOfStop({
    reason,
    sequence,
    calls: content.some(({ type }) => type === 'tool_use'),
  })
}

/** What is wrong with an error's body. */
export function problemsOfError(value: unknown): string[] {
  const parsed = errorSchema.safeParse(value)
  return parsed.success ? [] : issues(parsed.error)
}

/** What is wrong with a stream, byte for byte as it was sent. */
export function problemsOfStream(text: string): string[] {
  const { events, problems } = readFrames(text)
  if (problems.length > 0) return problems
  const order = new Order()
  for (const event of events) order.push(event)
  return order.end()
}

function readFrames(text: string): { events: StreamEvent[]; problems: string[] } {
  if (text.includes('\r')) return { events: [], problems: ['a line ends in CR'] }
  if (!text.endsWith('\n\n')) return { events: [], problems: ['the last frame is not closed'] }
  const events: StreamEvent[] = []
  const problems: string[] = []
  for (const frame of text.slice(0, -2).split('\n\n')) {
    const [, name, data] = /^event: (\w+)\ndata: (.+)$/.exec(frame) ?? []
    if (data === undefined) {
      problems.push(`not a frame with an event and one line of data: ${frame.slice(0, 80)}`)
      continue
    }
    const parsed = eventSchema.safeParse(JSON.parse(data))
    if (!parsed.success) problems.push(...issues(parsed.error).map((issue) => `${name}: ${issue}`))
    else if (parsed.data.type !== name)
      problems.push(`the event ${name} has type ${parsed.data.type}`)
    else events.push(parsed.data)
  }
  return { events, problems }
}

type Block = Extract<StreamEvent, { type: 'content_block_start' }>['content_block']
type Delta = Extract<StreamEvent, { type: 'content_block_delta' }>['delta']

const deltasOf: Readonly<Record<Block['type'], readonly Delta['type'][]>> = {
  text: ['text_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  redacted_thinking: [],
  tool_use: ['input_json_delta'],
}

/** Where a stream is: `between` two blocks, or `told` why it ended. */
type State = 'before' | 'between' | 'in-block' | 'told' | 'over'

/** The rules of the order of events. */
class Order {
  readonly #problems: string[] = []
  #state: State = 'before'
  #block: Block | undefined
  #index = -1
  #json = ''
  #isSealed = false
  #calls = false
  #stop: { reason: string; sequence: string | null } | undefined
  #ids = new Set<string>()

  push(event: StreamEvent): void {
    if (this.#state === 'over') this.#problems.push(`${event.type} comes after the end`)
    switch (event.type) {
      case 'ping':
        break
      case 'error':
        this.#state = 'over'
        break
      case 'message_start':
        this.#from('before', event)
        this.#state = 'between'
        break
      case 'content_block_start':
        this.#open(event)
        break
      case 'content_block_delta':
        this.#add(event)
        break
      case 'content_block_stop':
        this.#close(event)
        break
      case 'message_delta':
        this.#from('between', event)
        this.#stop = { reason: event.delta.stop_reason, sequence: event.delta.stop_sequence }
        this.#state = 'told'
        break
      case 'message_stop':
        this.#from('told', event)
        this.#state = 'over'
        break
    }
  }

  end(): string[] {
    if (this.#state !== 'over') this.#problems.push('the stream ends before message_stop')
    if (this.#stop) this.#problems.push(...problemsOfStop({ ...this.#stop, calls: this.#calls }))
    return this.#problems
  }

  #from(state: State, { type }: StreamEvent): void {
    if (this.#state !== state) this.#problems.push(`${type} comes ${this.#state}, not ${state}`)
  }

  #open(event: Extract<StreamEvent, { type: 'content_block_start' }>): void {
    this.#from('between', event)
    this.#state = 'in-block'
    this.#index += 1
    if (event.index !== this.#index)
      this.#problems.push(`the block ${this.#index} has the index ${event.index}`)
    this.#block = event.content_block
    this.#json = ''
    this.#isSealed = false
    if (event.content_block.type !== 'tool_use') return
    this.#calls = true
    const { id } = event.content_block
    if (this.#ids.has(id)) this.#problems.push(`two calls have the id ${id}`)
    this.#ids.add(id)
  }

  #add(event: Extract<StreamEvent, { type: 'content_block_delta' }>): void {
    this.#from('in-block', event)
    const { delta } = event
    if (event.index !== this.#index)
      this.#problems.push(`a delta of block ${event.index} is in block ${this.#index}`)
    if (this.#block && !deltasOf[this.#block.type].includes(delta.type))
      this.#problems.push(`${delta.type} is in a block of ${this.#block.type}`)
    if (this.#isSealed) this.#problems.push(`${delta.type} comes after the signature`)
    if (delta.type === 'signature_delta') this.#isSealed = true
    if (delta.type === 'input_json_delta') this.#json += delta.partial_json
  }

  #close(event: Extract<StreamEvent, { type: 'content_block_stop' }>): void {
    this.#from('in-block', event)
    this.#state = 'between'
    if (event.index !== this.#index)
      this.#problems.push(`block ${event.index} is closed, and ${this.#index} is open`)
    if (this.#block?.type === 'tool_use' && !isObject(this.#json))
      this.#problems.push('the input of a call is not a JSON object')
    this.#block = undefined
  }
}

function problemsOfStop({
  reason,
  sequence,
  calls,
}: {
  reason: string
  sequence: string | null
  calls: boolean
}): string[] {
  const problems: string[] = []
  if ((reason === 'tool_use') !== calls && reason !== 'max_tokens')
    problems.push(`stop_reason ${reason} ${calls ? 'with' : 'without'} calls`)
  if ((reason === 'stop_sequence') !== (sequence !== null))
    problems.push(`stop_reason ${reason} with stop_sequence ${sequence}`)
  return problems
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function issues(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}
