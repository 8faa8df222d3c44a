import { describe, expect, it } from 'vitest'
import { deferred } from '../lib/deferred.ts'
import type { Backend, Begun, TurnContext } from './backend.ts'
import { begin, eventsOf } from './begun.ts'
import { Cancellation } from './cancellation.ts'
import { TurnError } from './error.ts'
import type { TurnEvent } from './event.ts'
import { plainTurn } from './turn.ts'

const context: TurnContext = {
  cancellation: new Cancellation(),
  requestId: 'r',
  owner: 'o',
  stream: false,
}

function remark(text: string): TurnEvent {
  return { type: 'notice', notice: { type: 'remark', text } }
}

/** What follows the beginning, and whether somebody has let go of it. */
function following(...events: TurnEvent[]) {
  const left = { isLetGo: false }
  const rest: AsyncIterator<TurnEvent> = {
    async next() {
      const value = events.shift()
      return value ? { done: false, value } : { done: true, value: undefined }
    },
    async return() {
      left.isLetGo = true
      return { done: true, value: undefined }
    },
  }
  return { rest, left }
}

async function read(begun: () => Begun | Promise<Begun>): Promise<unknown[]> {
  const seen: unknown[] = []
  try {
    for await (const event of eventsOf(begun)) seen.push(event)
  } catch (thrown) {
    seen.push(thrown)
  }
  return seen
}

describe('the events of an answer', () => {
  it('are those of its beginning and what follows', async () => {
    const { rest } = following(remark('b'), remark('c'))
    expect(await read(() => ({ events: [remark('a')], rest }))).toEqual(['a', 'b', 'c'].map(remark))
  })

  it('end with what ended it, once', async () => {
    const failure = new TurnError('overloaded', 'Busy.')
    expect(await read(() => ({ events: [remark('a')], failure }))).toEqual([remark('a'), failure])
    const iterator = eventsOf(() => ({ events: [], failure }))[Symbol.asyncIterator]()
    await expect(iterator.next()).rejects.toBe(failure)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  it('fail as the beginning fails, and nothing begins before the first pull', async () => {
    let begun = 0
    const events = eventsOf(() => {
      begun += 1
      return Promise.reject(new Error('no'))
    })
    const iterator = events[Symbol.asyncIterator]()
    expect(begun).toBe(0)
    await expect(iterator.next()).rejects.toThrow('no')
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(begun).toBe(1)
  })

  it('let go of what follows when their reader leaves', async () => {
    const { rest, left } = following(remark('b'))
    for await (const event of eventsOf(() => ({ events: [remark('a')], rest }))) {
      expect(event).toEqual(remark('a'))
      break
    }
    expect(left.isLetGo).toBe(true)
  })
})

describe('a reader that leaves while the answer begins', () => {
  it('waits for the beginning, lets go of what follows, and gets nothing more', async () => {
    const { rest, left } = following(remark('b'))
    const { promise, resolve } = deferred<Begun>()
    const iterator = eventsOf(() => promise)[Symbol.asyncIterator]()
    const pulled = iterator.next()
    const returned = iterator.return?.()
    resolve({ events: [], rest })
    await returned
    expect(left.isLetGo).toBe(true)
    await pulled
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  it('is not told of a beginning that fails', async () => {
    const { promise, reject } = deferred<Begun>()
    const iterator = eventsOf(() => promise)[Symbol.asyncIterator]()
    const pulled = iterator.next()
    const returned = iterator.return?.()
    reject(new Error('no'))
    await expect(pulled).rejects.toThrow('no')
    expect(await returned).toEqual({ done: true, value: undefined })
  })

  it('has begun once, however often it pulls', async () => {
    let begun = 0
    const iterator = eventsOf(async () => {
      begun += 1
      return { events: [remark('a'), remark('b')] }
    })[Symbol.asyncIterator]()
    const steps = await Promise.all([iterator.next(), iterator.next()])
    expect(steps.map(({ value }) => value as unknown)).toEqual([remark('a'), remark('b')])
    expect(begun).toBe(1)
  })
})

describe('a backend', () => {
  const pulled: Backend = {
    name: 'pulled',
    async *run() {
      yield remark('pulled')
    },
  }

  it('that gives its answers whole is asked for the whole', async () => {
    const whole: Backend = { ...pulled, begin: () => ({ events: [remark('whole')] }) }
    expect(await read(() => begin(whole, plainTurn, context))).toEqual([remark('whole')])
  })

  it('that does not is read', async () => {
    expect(await read(() => begin(pulled, plainTurn, context))).toEqual([remark('pulled')])
  })
})
