import type { TurnEvent } from '../../turn/event.ts'

type OpenBlock = 'text' | 'reasoning' | 'tool-call'

/** Keeps the protocol of `TurnEvent`: `start` before everything, blocks numbered, opened and closed one after another. */
export class AnswerBlocks {
  readonly #start: () => TurnEvent
  #begun = false
  #block = -1
  #open: OpenBlock | undefined
  #calls = 0
  #signature: string | undefined

  /** `start` makes the event that opens the answer, as late as it is needed. */
  constructor(start: () => TurnEvent) {
    this.#start = start
  }

  get begun(): boolean {
    return this.#begun
  }

  /** How many calls were opened. */
  get calls(): number {
    return this.#calls
  }

  /** `start`, if it was not said yet. */
  begin(): TurnEvent[] {
    if (this.#begun) return []
    this.#begun = true
    return [this.#start()]
  }

  /** A piece of text or thinking, in the open block if it is of that kind. */
  say(kind: 'text' | 'reasoning', text: string): TurnEvent[] {
    const events = this.begin()
    if (this.#open !== kind) {
      events.push(...this.end(), { type: `${kind}-start`, block: this.next() })
      this.#open = kind
    }
    return [...events, { type: `${kind}-delta`, block: this.#block, text }]
  }

  openCall(id: string, name: string, kind: 'function' | 'custom'): TurnEvent[] {
    const events = [...this.begin(), ...this.end()]
    this.#open = 'tool-call'
    this.#calls++
    return [...events, { type: 'tool-call-start', block: this.next(), id, name, kind }]
  }

  /** A piece of the open call's input. */
  callInput(input: string): TurnEvent[] {
    return [{ type: 'tool-call-delta', block: this.#block, input }]
  }

  /** The seal of the thinking that is open, or of thinking that is told in no words. */
  sign(signature: string): TurnEvent[] {
    if (signature === '') return []
    const events: TurnEvent[] = []
    if (this.#open !== 'reasoning') {
      events.push(...this.begin(), ...this.end(), { type: 'reasoning-start', block: this.next() })
      this.#open = 'reasoning'
    }
    this.#signature = signature
    return events
  }

  /** Thinking that only the API can read. */
  seal(data: string): TurnEvent[] {
    return [...this.begin(), ...this.end(), { type: 'sealed-reasoning', block: this.next(), data }]
  }

  /** The end of the open block, if one is open. */
  end(): TurnEvent[] {
    const open = this.#open
    const signature = this.#signature
    this.#open = undefined
    this.#signature = undefined
    if (open === 'reasoning' && signature !== undefined)
      return [{ type: 'reasoning-end', block: this.#block, signature }]
    return open ? [{ type: `${open}-end`, block: this.#block }] : []
  }

  /** The number of the next block. */
  next(): number {
    return ++this.#block
  }

  /** Begins anew, where nothing was shown. */
  forget(): void {
    this.#begun = false
    this.#block = -1
    this.#open = undefined
    this.#signature = undefined
  }
}
