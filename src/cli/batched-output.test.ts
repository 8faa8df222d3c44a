import { expect, it } from 'vitest'
import { batchedOutput } from './batched-output.ts'

it('batchedOutput writes what one turn of the event loop says as one piece, in order', async () => {
  const pieces: string[] = []
  const output = batchedOutput({ write: (text) => pieces.push(text) })
  output.write('a\n')
  output.write('b\n')
  expect(pieces).toEqual([])
  await new Promise((resolve) => setImmediate(resolve))
  expect(pieces).toEqual(['a\nb\n'])
  output.write('c\n')
  output.flush()
  output.flush()
  expect(pieces).toEqual(['a\nb\n', 'c\n'])
})
