import { isUtf8 } from 'node:buffer'
import { TurnError } from '../../turn/error.ts'

/** No honest request is nested deeper; what walks the value later may be recursive. */
export const deepestNesting = 128

/**
 * Reads a body: UTF-8, JSON, at most 128 levels deep and without `__proto__` keys. Throws a `TurnError` that says what is wrong. An
 * empty body is undefined, which the dialect then refuses.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined
  const text = decodeText(bytes)
  checkNesting(text)
  const value = parse(text)
  // Sent on as they are, they must be what others read as JSON too, without a mark at the start.
  if (typeof value === 'object' && value !== null && bytes[0] !== 0xef) bytesOf.set(value, bytes)
  // Only a text with one of these can have the key, so that nearly no request is walked.
  if (text.includes('__proto__') || (text.includes('\\u005') && /\\u005f/i.test(text)))
    refusePrototypeKeys(value)
  return value
}

const bytesOf = new WeakMap<object, Uint8Array>()

/** The bytes that a body was read from, for whoever can send them on as they are. */
export function bytesOfBody(body: unknown): Uint8Array | undefined {
  return typeof body === 'object' && body !== null ? bytesOf.get(body) : undefined
}

function decodeText(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) {
    throw new TurnError('invalid_json', 'The body is not valid UTF-8. Send JSON in UTF-8.')
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  // As a text decoder has it: a mark at the start says how the text is written and is no part of it.
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    // The parser's message quotes the body, which the caller may read but which may also be long.
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : 'unknown reason'
    throw new TurnError('invalid_json', `The body is not valid JSON: ${reason}`, { cause })
  }
}

/** Counts brackets outside strings, before the parser builds anything. */
function checkNesting(text: string): void {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at)
        break
      case 0x5b: // [
      case 0x7b: // {
        depth += 1
        if (depth > deepestNesting) throw tooDeep()
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1
        break
    }
  }
}

/** Where the string that begins at `start` ends; the text's end when it does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes += 1
    if (backslashes % 2 === 0) return end
  }
  return text.length
}

function tooDeep(): TurnError {
  return new TurnError(
    'invalid_value',
    `The body is nested deeper than ${deepestNesting} levels, which is the most that this server reads.`,
  )
}

function refusePrototypeKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, '__proto__')) {
    throw new TurnError('invalid_value', 'The body has a key "__proto__", which is not accepted.', {
      param: '__proto__',
    })
  }
  for (const inner of Object.values(value)) refusePrototypeKeys(inner)
}
