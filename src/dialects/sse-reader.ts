import { TurnError } from '../turn/error.ts'

/** A server-sent event as it was read. `id` and `retry` are not kept: nobody here reconnects. */
export type SseEvent = { event?: string; data: string }

const lineEnd = /[\r\n]/g

/** No honest event is larger; a line without end must not fill the memory. In characters. */
const longestPending = 32 * 1024 * 1024

/**
 * Reads server-sent events (WHATWG HTML) from bytes that arrive split anywhere, within characters too. Lines end in LF, CRLF or
 * CR. Unlike a browser, `end` also gives an event whose closing blank line is missing: some servers leave it out after the last one.
 */
export class SseReader {
  readonly #decoder = new TextDecoder()
  #pending = ''
  #endedInCarriageReturn = false
  #event: string | undefined
  #data: string[] = []
  #dataLength = 0

  /** The events that these bytes complete. Throws `upstream_error` when one event grows beyond 32 MiB. */
  push(bytes: Uint8Array): SseEvent[] {
    return this.#read(this.#decoder.decode(bytes, { stream: true }))
  }

  /** What is left when the stream has ended: an event or none. */
  end(): SseEvent[] {
    return this.#read(`${this.#decoder.decode()}\n\n`)
  }

  #read(text: string): SseEvent[] {
    const events: SseEvent[] = []
    if (text === '') return events
    const fresh = this.#endedInCarriageReturn && text.startsWith('\n') ? text.slice(1) : text
    this.#endedInCarriageReturn = text.endsWith('\r')
    lineEnd.lastIndex = 0
    let start = 0
    for (let match = lineEnd.exec(fresh); match; match = lineEnd.exec(fresh)) {
      this.#line(this.#pending + fresh.slice(start, match.index), events)
      this.#pending = ''
      start = match.index + (fresh.startsWith('\r\n', match.index) ? 2 : 1)
      lineEnd.lastIndex = start
    }
    this.#pending += fresh.slice(start)
    if (this.#pending.length + this.#dataLength > longestPending) {
      throw new TurnError('upstream_error', 'An API sent an event longer than 32 MiB.')
    }
    return events
  }

  #line(line: string, events: SseEvent[]): void {
    if (line === '') {
      if (this.#data.length > 0) {
        const data = this.#data.join('\n')
        events.push(this.#event === undefined ? { data } : { event: this.#event, data })
      }
      this.#event = undefined
      this.#data = []
      this.#dataLength = 0
      return
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') this.#event = value
    if (field === 'data') {
      this.#data.push(value)
      this.#dataLength += value.length
    }
  }
}
