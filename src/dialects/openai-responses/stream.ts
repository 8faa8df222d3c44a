import type { TurnError } from '../../turn/error.ts'
import type { Activity, TurnEvent } from '../../turn/event.ts'
import type { ChoiceEvent, EncodeContext, StreamEncoder } from '../dialect.ts'
import { encodeError } from '../openai-chat/error.ts'
import { type ActivityExtension, encodeActivity } from '../openai-chat/extension.ts'
import type { SseFrame } from '../sse.ts'
import { commandEvents, OpenItem } from './open-item.ts'
import { type OutputItem, OutputItems, type RanTool, searchQuery } from './output-items.ts'
import { encodeExtension, encodeResponse, type ResponseState, statusOf } from './response.ts'
import type { ToldEvent, WireResponse } from './wire-types.ts'

type Json = Record<string, unknown>
type Named = { type: string; response?: Json }

/**
 * A response as events, in OpenAI's order: `created`, `in_progress`, each item opened, filled and done, then how it ended. Remembers the
 * items that are done, because the end repeats them all; at most one item is open.
 */
export class ResponseStream implements StreamEncoder {
  readonly #context: EncodeContext
  readonly #items: OutputItems
  readonly #output: OutputItem[] = []
  readonly #activity: ActivityExtension[] = []
  readonly #uses = new Map<string, RanTool['use']>()
  #open: OpenItem | undefined
  #isBegun = false
  #sequence = 0
  #model: string | undefined
  #final: Json | undefined

  constructor(context: EncodeContext) {
    this.#context = context
    this.#items = new OutputItems(context)
  }

  get begun(): WireResponse {
    return this.#response({ status: 'in_progress' })
  }

  /** The whole answer, once the stream has said it; also one that failed. */
  get final(): Json | undefined {
    return this.#final
  }

  async *frames(events: AsyncIterable<ChoiceEvent>): AsyncGenerator<SseFrame> {
    for await (const { event } of events) {
      for (const body of this.#encode(event)) {
        if (this.#final && 'response' in body && body.response === this.#final)
          yield this.#frame(await this.#settled(body))
        else yield this.#frame(body)
      }
    }
  }

  /** Says again that it goes on: comments do not reach every client (Codex gives up on a stream that says nothing else). */
  heartbeat(): SseFrame[] {
    const bodies = this.#isBegun ? [this.#told('response.in_progress')] : this.#begin()
    return bodies.map((body) => this.#frame(body))
  }

  /** OpenAI's server and OpenAI's document differ in an error's form, and each client reads one of them: both are sent. */
  failure(error: TurnError): SseFrame[] {
    const { message, type, param, code } = encodeError(error).error
    const open = this.#open?.item('incomplete')
    if (open) this.#output.push(open)
    this.#open = undefined
    const response = this.#response({ status: 'failed', error })
    this.#final = response
    const bodies: ToldEvent[] = [
      ...this.#begin(),
      { type: 'error', code, message, param, error: { type, code, message, param } },
      { type: 'response.failed', response },
    ]
    return bodies.map((body) => this.#frame(body))
  }

  async #settled(body: ToldEvent): Promise<Named> {
    const { settle } = this.#context
    if (!settle || !this.#final) return body
    this.#final = await settle(this.#final)
    return { ...body, response: this.#final }
  }

  #encode(event: TurnEvent): ToldEvent[] {
    switch (event.type) {
      case 'notice':
      case 'relay':
        return []
      case 'start':
        this.#model ??= event.model
        return this.#begin()
      case 'text-start':
        return this.#add({ kind: 'message' })
      case 'reasoning-start':
        return this.#add({ kind: 'reasoning' })
      case 'tool-call-start': {
        const { id, name, kind } = event
        return this.#add({ kind: 'call', call: { id, name, kind } })
      }
      case 'text-delta':
      case 'reasoning-delta':
        return this.#open?.delta(event.text) ?? []
      case 'tool-call-delta':
        return this.#open?.delta(event.input) ?? []
      case 'reasoning-end':
        this.#open?.seal(event)
        return []
      case 'sealed-reasoning': {
        if (!this.#items.withSealed) return []
        const added = this.#add({ kind: 'reasoning' })
        this.#open?.seal({ sealed: event.data })
        return added
      }
      // An item is done when the next event shows that it was not cut.
      case 'text-end':
      case 'tool-call-end':
        return []
      case 'activity':
        return this.#do(event.activity)
      case 'finish':
        return this.#finish(event)
    }
  }

  #begin(): ToldEvent[] {
    if (this.#isBegun) return []
    this.#isBegun = true
    return [this.#told('response.created'), this.#told('response.in_progress')]
  }

  #told(type: 'response.created' | 'response.in_progress'): ToldEvent {
    return { type, response: this.#response({ status: 'in_progress' }) }
  }

  #add(asked: OpenItem['asked']): ToldEvent[] {
    const closed = this.#close('completed')
    const item = new OpenItem(asked, this.#output.length, this.#items)
    this.#open = item
    return [...this.#begin(), ...closed, ...item.begin()]
  }

  #close(status: 'completed' | 'incomplete'): ToldEvent[] {
    const open = this.#open
    if (!open) return []
    this.#open = undefined
    this.#output.push(open.item(status))
    return open.end(status)
  }

  /** A search that Claude Code has made is an item, and so is a command where that is asked for; others are told beside the answer. */
  #do(activity: Activity): ToldEvent[] {
    this.#activity.push(encodeActivity(activity))
    if (activity.type === 'tool-use') {
      this.#uses.set(activity.id, activity)
      return []
    }
    const use = this.#uses.get(activity.id)
    this.#uses.delete(activity.id)
    if (!use || !this.#items.isItem(use)) return []
    const closed = this.#close('completed')
    const query = searchQuery(use)
    return [
      ...this.#begin(),
      ...closed,
      ...(query === undefined
        ? this.#commanded({ use, result: activity })
        : this.#searched(query, activity)),
    ]
  }

  #searched(query: string, { isError }: RanTool['result']): ToldEvent[] {
    const output_index = this.#output.length
    const item = this.#items.webSearch(output_index, query, isError ? 'failed' : 'completed')
    this.#output.push(item)
    const place = { output_index, item_id: item.id }
    return [
      {
        type: 'response.output_item.added',
        output_index,
        item: { ...item, status: 'in_progress' },
      },
      { type: 'response.web_search_call.in_progress', ...place },
      { type: 'response.web_search_call.searching', ...place },
      { type: 'response.web_search_call.completed', ...place },
      { type: 'response.output_item.done', output_index, item },
    ]
  }

  #commanded(ran: RanTool): ToldEvent[] {
    const [call, output] = this.#items.command(this.#output.length, ran)
    const output_index = this.#output.length
    this.#output.push(call, output)
    const begun = {
      ...call,
      status: 'in_progress' as const,
      action: { ...call.action, commands: [] },
    }
    return [
      { type: 'response.output_item.added', output_index, item: begun },
      ...commandEvents(call, output_index),
      { type: 'response.output_item.done', output_index, item: call },
      {
        type: 'response.output_item.added',
        output_index: output_index + 1,
        item: { ...output, status: 'in_progress', output: [] },
      },
      { type: 'response.output_item.done', output_index: output_index + 1, item: output },
    ]
  }

  #finish(event: Extract<TurnEvent, { type: 'finish' }>): ToldEvent[] {
    const { reason, usage, model } = event
    const status = statusOf(reason)
    const closed = this.#close(status)
    this.#model = model
    const claude = encodeExtension(event.claude, this.#activity, this.#context.body)
    const response = this.#response({ status, reason, usage, ...(claude && { claude }) })
    this.#final = response
    return [...this.#begin(), ...closed, { type: `response.${status}`, response }]
  }

  #response(state: Omit<ResponseState, 'output' | 'model'>): WireResponse {
    const model = this.#model === undefined ? {} : { model: this.#model }
    return encodeResponse(this.#context, { ...state, ...model, output: [...this.#output] })
  }

  #frame(body: Named): SseFrame {
    const numbered = { ...body, sequence_number: this.#sequence++ }
    return { event: body.type, data: JSON.stringify(numbered) }
  }
}
