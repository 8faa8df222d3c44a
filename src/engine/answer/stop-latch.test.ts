import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StopLatch } from './stop-latch.ts'

function run(sequences: string[], pieces: string[]): { text: string; stopped: boolean } {
  const latch = new StopLatch(sequences)
  let text = ''
  for (const piece of pieces) text += latch.push(piece)
  return { text: text + latch.flush(), stopped: latch.stopped }
}

/** The rule itself: read on until the text ends with a sequence. */
function letterByLetter(sequences: string[], whole: string): { text: string; stopped: boolean } {
  for (let end = 1; end <= whole.length; end++) {
    const text = whole.slice(0, end)
    const lengths = sequences
      .filter((sequence) => text.endsWith(sequence))
      .map(({ length }) => length)
    if (lengths.length > 0)
      return { text: text.slice(0, end - Math.max(...lengths)), stopped: true }
  }
  return { text: whole, stopped: false }
}

describe('StopLatch', () => {
  it('cuts before a sequence that is split over pieces', () => {
    expect(run(['STOP'], ['one ST', 'O', 'P two'])).toEqual({ text: 'one ', stopped: true })
  })

  it('lets a beginning through that turns out to be none', () => {
    expect(run(['STOP'], ['one ST', 'AY'])).toEqual({ text: 'one STAY', stopped: false })
  })

  it('cuts at the earliest of several sequences', () => {
    expect(run(['two', 'one'], ['zero one two'])).toEqual({ text: 'zero ', stopped: true })
  })

  it('holds back no more than could begin a sequence', () => {
    expect(new StopLatch(['\n\n']).push('a\nb\n')).toBe('a\nb')
  })

  it('cuts at the sequence that is complete first when the text is split anywhere', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c') })
    const sequence = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(letters),
        fc.array(sequence, { minLength: 1, maxLength: 3 }),
        (pieces, sequences) => {
          const whole = pieces.join('')
          expect(run(sequences, pieces)).toEqual(letterByLetter(sequences, whole))
        },
      ),
    )
  })
})
