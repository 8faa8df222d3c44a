import { describe, expect, it } from 'vitest'
import { Cancellation } from '../turn/cancellation.ts'
import { deferred } from '../lib/deferred.ts'
import type { Backend, TurnContext } from '../turn/backend.ts'
import type { TurnEvent } from '../turn/event.ts'
import { plainTurn } from '../turn/turn.ts'
import { later } from './later.ts'

const start: TurnEvent = { type: 'start', id: 'x', provider: 'p', model: 'm' }
const backend: Backend = {
  name: 'p',
  async *run() {
    yield start
  },
}

async function read(opening: Promise<Backend>, cancellation = new Cancellation()) {
  const context: TurnContext = { cancellation, requestId: 'r', owner: 'o', stream: true }
  const events: TurnEvent[] = []
  for await (const event of later(opening).run(plainTurn, context)) events.push(event)
  return events
}

describe('later', () => {
  it('answers once the backend is open', async () => {
    const opening = deferred<Backend>()
    const reading = read(opening.promise)
    opening.resolve(backend)
    expect(await reading).toEqual([start])
  })

  it('fails as the opening fails', async () => {
    await expect(read(Promise.reject(new Error('no')))).rejects.toThrow('no')
  })

  it('waits no longer for a caller who leaves', async () => {
    const caller = new Cancellation()
    const reading = read(new Promise<Backend>(() => {}), caller)
    caller.abort(new Error('left'))
    await expect(reading).rejects.toThrow('left')
    const gone = new Cancellation()
    gone.abort(new Error('gone'))
    await expect(read(Promise.resolve(backend), gone)).rejects.toThrow('gone')
  })
})
