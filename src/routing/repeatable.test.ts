import { describe, expect, it } from 'vitest'
import { Repeatable } from './repeatable.ts'

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    await Promise.resolve()
    yield Buffer.from(text)
  }
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('a')
  throw new Error('cut')
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const read: Uint8Array[] = []
  for await (const piece of stream) read.push(piece)
  return Buffer.concat(read).toString()
}

describe('Repeatable', () => {
  it('gives all of a small stream again, however far the reader before came', async () => {
    const body = new Repeatable(pieces('one ', 'two ', 'three'), 100)
    for await (const piece of body.read()) {
      expect(Buffer.from(piece).toString()).toBe('one ')
      break
    }
    expect(await textOf(body.read())).toBe('one two three')
    expect(await textOf(body.read())).toBe('one two three')
    expect(body.canRepeat).toBe(true)
  })

  it('reads a large one once, and keeps nothing of it', async () => {
    const body = new Repeatable(pieces('12345', '67890', '12345'), 8)
    expect(await textOf(body.read())).toBe('123456789012345')
    expect(body.canRepeat).toBe(false)
    await expect(body.read().next()).rejects.toThrow('gone')
  })

  it('is whole for another reader when the limit is passed in the middle', async () => {
    const body = new Repeatable(pieces('12345', '67890'), 8)
    expect((await body.read().next()).done).toBe(false)
    expect(body.canRepeat).toBe(true)
    expect(await textOf(body.read())).toBe('1234567890')
    expect(body.canRepeat).toBe(false)
  })

  it('gives a piece that an older reader waited for to the younger one', async () => {
    let come: ((text: string) => void) | undefined
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(await new Promise<string>((resolve) => (come = resolve)))
    }
    const body = new Repeatable(slow(), 100)
    const older = body.read()
    const waiting = older.next()
    const younger = textOf(body.read())
    come?.('late')
    expect(await younger).toBe('late')
    expect((await waiting).done).toBe(true)
  })

  it('throws what the source throws, to every reader', async () => {
    const body = new Repeatable(broken(), 100)
    await expect(textOf(body.read())).rejects.toThrow('cut')
    await expect(textOf(body.read())).rejects.toThrow('cut')
    expect(body.failure).toMatchObject({ message: 'cut' })
  })
})
