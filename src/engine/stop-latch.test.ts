import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StopLatch } from './stop-latch.ts'

function run(sequences: string[], pieces: string[]): { text: string; stopped: boolean } {
  const latch = new StopLatch(sequences)
  let text = ''
  for (const piece of pieces) text += latch.push(piece)
  return { text: text + latch.flush(), stopped: latch.stopped }
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

  it('cuts before the one that is complete first, however the text is split', () => {
    for (const pieces of [['baa'], ['ba', 'a'], ['b', 'a', 'a']])
      expect(run(['a', 'baa'], pieces)).toEqual({ text: 'b', stopped: true })
    expect(run(['b', 'ab'], ['xa', 'b'])).toEqual({ text: 'x', stopped: true })
  })

  it('holds back no more than could begin a sequence', () => {
    expect(new StopLatch(['\n\n']).push('a\nb\n')).toBe('a\nb')
  })

  it('gives the same text wherever it is split', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c') })
    const sequence = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(letters),
        fc.array(sequence, { minLength: 1, maxLength: 3 }),
        (pieces, sequences) => {
          const whole = pieces.join('')
          expect(run(sequences, pieces)).toEqual(run(sequences, [whole]))
          expect(run(sequences, pieces).stopped).toBe(sequences.some((s) => whole.includes(s)))
        },
      ),
    )
  })
})
