import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { FlowGate } from './flow-gate.ts'

/** A consumer that takes all it can get, behind a gate of 100 bytes, before a source that has far more. */
function greedy() {
  const source = new PassThrough({ highWaterMark: 10 })
  const gate = new FlowGate(100)
  let taken = 0
  source.pipe(gate).on('data', (chunk: Buffer) => (taken += chunk.length))
  for (let piece = 0; piece < 100; piece++) source.write(Buffer.alloc(10))
  return { gate, taken: () => taken }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await turnOfTheLoop()
}

describe('FlowGate', () => {
  it('lets through what is allowed, and no more', async () => {
    const { taken } = greedy()
    await settle()
    expect(taken()).toBe(100)
  })

  it('lets no more through while the reader finds something in the queue', async () => {
    const { gate, taken } = greedy()
    await settle()
    for (let read = 0; read < 5; read++) await gate.whileRead(Promise.resolve(read))
    await settle()
    expect(taken()).toBe(100)
  })

  it('lets everything through while the reader waits, and then as much as is allowed', async () => {
    const { gate, taken } = greedy()
    await settle()
    const next = new PassThrough()
    const reading = gate.whileRead(once(next, 'data'))
    await settle()
    expect(taken()).toBe(1_000)
    next.write('next')
    await reading
    gate.write(Buffer.alloc(150))
    gate.write(Buffer.alloc(10))
    await settle()
    expect(taken()).toBe(1_150)
  })

  it('lets everything through once it is opened', async () => {
    const { gate, taken } = greedy()
    gate.open()
    await settle()
    expect(taken()).toBe(1_000)
  })
})
