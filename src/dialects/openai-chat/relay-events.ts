import { TurnError } from '../../turn/error.ts'
import type { TurnEvent } from '../../turn/event.ts'
import { chunkOf } from './relay.ts'

type Json = Readonly<Record<string, unknown>>
type Open = { kind: 'text' | 'reasoning' | 'tool-call'; call?: number }

/**
 * An upstream's answer, relayed in this dialect, as the turn's own events: for a caller of another one. Takes every event of the relay and
 * gives what it means. Only the first choice is looked at: an upstream is asked for one. Throws `upstream_invalid_answer` where the calls are
 * written all at once, which no vendor does.
 */
export class RelayEvents {
  #block = -1
  #open: Open | undefined
  readonly #calls = new Set<number>()

  push(event: TurnEvent): TurnEvent[] {
    if (event.type === 'finish') {
      const isCalling = event.reason === 'stop' && this.#calls.size > 0
      return [...this.#close(), isCalling ? { ...event, reason: 'tool-calls' } : event]
    }
    if (event.type !== 'relay') return [event]
    const chunks = 'chunks' in event ? event.chunks : [chunkOf(event.body)]
    return chunks.flatMap((chunk) => this.#chunk(chunk))
  }

  #chunk({ choices }: Json): TurnEvent[] {
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
    const delta = isObject(choice) && isObject(choice.delta) ? choice.delta : {}
    const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls.filter(isObject) : []
    return [
      // Some vendors write both, the same twice.
      ...this.#say('reasoning', delta.reasoning_content ?? delta.reasoning),
      ...this.#say('text', delta.content),
      ...this.#say('text', delta.refusal),
      ...calls.flatMap((call) => this.#call(call)),
    ]
  }

  #say(kind: 'text' | 'reasoning', text: unknown): TurnEvent[] {
    if (typeof text !== 'string' || text === '') return []
    const events: TurnEvent[] = []
    if (this.#open?.kind !== kind) {
      events.push(...this.#close(), { type: `${kind}-start`, block: ++this.#block })
      this.#open = { kind }
    }
    return [...events, { type: `${kind}-delta`, block: this.#block, text }]
  }

  #call(call: Json): TurnEvent[] {
    const index = typeof call.index === 'number' ? call.index : this.#calls.size
    const kind = isObject(call.custom) ? 'custom' : 'function'
    const { name, input } = piecesOf(call)
    const events: TurnEvent[] = []
    if (!this.#calls.has(index)) {
      this.#calls.add(index)
      events.push(...this.#close(), {
        type: 'tool-call-start',
        block: ++this.#block,
        id: typeof call.id === 'string' && call.id !== '' ? call.id : `call_${crypto.randomUUID()}`,
        name,
        kind,
      })
      this.#open = { kind: 'tool-call', call: index }
    } else if (this.#open?.call !== index) {
      throw new TurnError(
        'upstream_invalid_answer',
        'An API wrote several calls at once, which cannot be told apart here.',
      )
    }
    if (input !== '') events.push({ type: 'tool-call-delta', block: this.#block, input })
    return events
  }

  #close(): TurnEvent[] {
    const open = this.#open
    this.#open = undefined
    return open ? [{ type: `${open.kind}-end`, block: this.#block }] : []
  }
}

function piecesOf(call: Json): { name: string; input: string } {
  const own = isObject(call.custom) ? call.custom : isObject(call.function) ? call.function : {}
  const input = isObject(call.custom) ? own.input : own.arguments
  return {
    name: typeof own.name === 'string' ? own.name : '',
    input: typeof input === 'string' ? input : '',
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
