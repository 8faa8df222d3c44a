import { describe, expect, it } from 'vitest'
import { TurnError } from '../turn/error.ts'
import { SseReader, type SseEvent } from './sse-reader.ts'

const encoder = new TextEncoder()

function read(pieces: Uint8Array[]): SseEvent[] {
  const reader = new SseReader()
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()]
}

const lines = [
  ': a comment',
  '',
  'data: {"text":"grüße 👋"}',
  '',
  'event: error',
  'data: first',
  'data:second',
  'data',
  'id: 7',
  'retry: 10',
  '',
  'event: nothing without data',
  '',
  'data: [DONE]',
  '',
  '',
]
const expected = [
  { data: '{"text":"grüße 👋"}' },
  { event: 'error', data: 'first\nsecond\n' },
  { data: '[DONE]' },
]

describe.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('SseReader with %s', (_name, ending) => {
  const bytes = encoder.encode(lines.join(ending))

  it('reads the same events wherever the bytes are split in two', () => {
    for (let at = 0; at <= bytes.length; at++) {
      expect(read([bytes.subarray(0, at), bytes.subarray(at)]), `split at ${at}`).toEqual(expected)
    }
  })

  it('reads the same events byte by byte', () => {
    expect(read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(expected)
  })
})

describe('SseReader', () => {
  it('gives an event as soon as its blank line has begun', () => {
    const reader = new SseReader()
    expect(reader.push(encoder.encode('data: a\r\n\r'))).toEqual([{ data: 'a' }])
    expect(reader.push(encoder.encode('\ndata: b\r\n\r\n'))).toEqual([{ data: 'b' }])
  })

  it('gives the last event when its blank line is missing', () => {
    expect(read([encoder.encode('data: [DONE]')])).toEqual([{ data: '[DONE]' }])
  })

  it('skips a byte order mark', () => {
    expect(
      read([Uint8Array.of(0xef, 0xbb), Uint8Array.of(0xbf), encoder.encode('data: a\n\n')]),
    ).toEqual([{ data: 'a' }])
  })

  it('throws when an event does not end', () => {
    const reader = new SseReader()
    const megabyte = encoder.encode('data: '.padEnd(1024 * 1024, 'x'))
    expect(() => {
      for (let count = 0; count < 40; count++) reader.push(megabyte)
    }).toThrow(TurnError)
  })
})
