import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { TurnError } from '../../turn/error.ts'
import { Turnstile, type TurnstileOptions } from './turnstile.ts'

/** Visits to one turnstile, by names such as `a1`, whose first letter is the caller. */
class Visits {
  readonly turnstile: Turnstile
  readonly admitted: string[] = []
  readonly refused = new Map<string, unknown>()
  readonly #leaving = new Map<string, () => void>()
  readonly #signals = new Map<string, AbortController>()

  constructor(options: Partial<TurnstileOptions> = {}) {
    this.turnstile = new Turnstile({ places: 1, queuePlaces: 100, patienceMs: 60_000, ...options })
  }

  enter(name: string, isOneOfMany = false): void {
    const controller = new AbortController()
    this.#signals.set(name, controller)
    void this.#visit(name, isOneOfMany, controller.signal)
  }

  async #visit(name: string, isOneOfMany: boolean, signal: AbortSignal): Promise<void> {
    try {
      const leave = await this.turnstile.enter({ owner: name.charAt(0), isOneOfMany }, signal)
      this.admitted.push(name)
      this.#leaving.set(name, leave)
    } catch (error) {
      this.refused.set(name, error)
    }
  }

  leave(name: string): void {
    this.#leaving.get(name)?.()
    this.#leaving.delete(name)
  }

  abort(name: string): void {
    this.#signals.get(name)?.abort(new Error('left'))
  }

  get running(): string[] {
    return [...this.#leaving.keys()]
  }

  get waiting(): string[] {
    const over = new Set([...this.admitted, ...this.refused.keys()])
    return [...this.#signals.keys()].filter((name) => !over.has(name))
  }

  /** Lets the turns end one after another, the oldest first, until nobody is there; the order in which all were admitted. */
  async drain(): Promise<string[]> {
    await settled()
    for (let [name] = this.running; name !== undefined; [name] = this.running) {
      this.leave(name)
      await settled()
    }
    return this.admitted
  }
}

/** All that can happen without a timer has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

describe('Turnstile lets in', () => {
  it('as many as there are places, and then one for each that leaves', async () => {
    const visits = new Visits({ places: 2 })
    for (const name of ['a1', 'a2', 'a3', 'a4']) visits.enter(name)
    await settled()
    expect(visits.running).toEqual(['a1', 'a2'])
    expect(visits.turnstile.state).toEqual({ running: 2, limit: 2, queued: 2 })
    visits.leave('a2')
    await settled()
    expect(visits.running).toEqual(['a1', 'a3'])
    expect(visits.turnstile.state).toEqual({ running: 2, limit: 2, queued: 1 })
  })

  it('a caller who leaves twice only once', async () => {
    const turnstile = new Turnstile({ places: 2, queuePlaces: 9, patienceMs: 60_000 })
    const { signal } = new AbortController()
    const leave = await turnstile.enter({ owner: 'a', isOneOfMany: false }, signal)
    await turnstile.enter({ owner: 'a', isOneOfMany: false }, signal)
    leave()
    leave()
    expect(turnstile.state.running).toBe(1)
  })

  it('callers in turn, so that a flood delays only its own', async () => {
    const visits = new Visits()
    for (let index = 0; index < 10; index++) visits.enter(`a${index}`)
    for (const name of ['b1', 'c1', 'b2']) visits.enter(name)
    const order = await visits.drain()
    expect(order.slice(0, 6)).toEqual(['a0', 'a1', 'b1', 'c1', 'a2', 'b2'])
    expect(order).toHaveLength(13)
  })

  it('the caller with the fewest running turns first', async () => {
    const visits = new Visits({ places: 3 })
    for (const name of ['a1', 'a2', 'b1', 'a3', 'b2', 'c1']) visits.enter(name)
    await settled()
    visits.leave('a1')
    await settled()
    expect(visits.running).toEqual(['a2', 'b1', 'c1'])
  })

  it('everyone who waits, while others come all the time', async () => {
    const visits = new Visits({ places: 2 })
    for (let index = 0; index < 4; index++) visits.enter(`a${index}`)
    visits.enter('b0')
    await settled()
    for (let round = 0; round < 20 && visits.waiting.includes('b0'); round++) {
      visits.enter(`a${round + 10}`)
      const [first = expect.fail()] = visits.running
      visits.leave(first)
      await settled()
    }
    expect(visits.admitted.indexOf('b0')).toBeLessThan(5)
  })

  it('work that is one of many behind all other, of its own caller and of others', async () => {
    const visits = new Visits()
    visits.enter('a1')
    visits.enter('a2', true)
    visits.enter('a3')
    visits.enter('b1', true)
    visits.enter('b2')
    visits.enter('b3')
    const order = await visits.drain()
    expect(order.slice(0, 4).toSorted()).toEqual(['a1', 'a3', 'b2', 'b3'])
    expect(order.slice(4).toSorted()).toEqual(['a2', 'b1'])
  })
})

describe('Turnstile refuses', () => {
  it('whoever comes when the queue is full of callers with no more in it than he', async () => {
    const visits = new Visits({ queuePlaces: 2 })
    for (const name of ['a1', 'a2', 'b1', 'b2', 'c1']) visits.enter(name)
    await settled()
    expect([...visits.refused.keys()]).toEqual(['b2', 'c1'])
    expect(visits.refused.get('c1')).toMatchObject({ code: 'server_busy' })
  })

  it('the newest of the caller with the most in the full queue, for another’s', async () => {
    const visits = new Visits({ queuePlaces: 3 })
    for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2']) visits.enter(name)
    await settled()
    expect([...visits.refused.keys()].toSorted()).toEqual(['a4', 'b2'])
    expect(visits.waiting).toEqual(['a2', 'a3', 'b1'])
  })

  it('everybody who would wait when there is no queue', async () => {
    const visits = new Visits({ queuePlaces: 0 })
    for (const name of ['a1', 'b1']) visits.enter(name)
    await settled()
    expect(visits.refused.get('b1')).toMatchObject({ code: 'server_busy' })
    expect(visits.turnstile.state).toEqual({ running: 1, limit: 1, queued: 0 })
  })

  it('whoever has waited long enough, who then has no place any more', async () => {
    const visits = new Visits({ patienceMs: 20 })
    for (const name of ['a1', 'b1']) visits.enter(name)
    await expect.poll(() => visits.refused.get('b1')).toMatchObject({ code: 'server_busy' })
    expect(String(visits.refused.get('b1'))).toMatch(/QUEUE_TIMEOUT_SECONDS/)
    expect(visits.turnstile.state.queued).toBe(0)
    expect(await visits.drain()).toEqual(['a1'])
  })

  it('with the time that as many turns take as wait, at the pace of the last ones', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0)
    try {
      const visits = new Visits({ places: 2, queuePlaces: 2 })
      for (let turn = 1; turn <= 50; turn++) {
        visits.enter(`a${turn}`)
        await settled()
        now.mockReturnValue(turn * 8_000)
        visits.leave(`a${turn}`)
      }
      for (const name of ['a91', 'a92', 'b1', 'c1', 'd1']) visits.enter(name)
      await settled()
      const refused = visits.refused.get('d1')
      if (!(refused instanceof TurnError)) throw new Error('It was let in.')
      expect(refused.retryAfterMs).toBeGreaterThan(11_800)
      expect(refused.retryAfterMs).toBeLessThanOrEqual(12_000)
    } finally {
      now.mockRestore()
    }
  })
})

describe('Turnstile forgets', () => {
  it('whoever leaves while waiting, with the reason that he left for', async () => {
    const visits = new Visits()
    for (const name of ['a1', 'b1', 'c1']) visits.enter(name)
    await settled()
    visits.abort('b1')
    expect(visits.turnstile.state.queued).toBe(1)
    await settled()
    expect(visits.refused.get('b1')).toEqual(new Error('left'))
    expect(await visits.drain()).toEqual(['a1', 'c1'])
  })

  it('whoever has left before he came', async () => {
    const turnstile = new Turnstile({ places: 1, queuePlaces: 1, patienceMs: 60_000 })
    const visit = { owner: 'a', isOneOfMany: false }
    await expect(turnstile.enter(visit, AbortSignal.abort(new Error('left')))).rejects.toThrow(
      'left',
    )
    expect(turnstile.state.running).toBe(0)
  })

  it('whoever leaves at the moment when a place becomes free, and gives it to another', async () => {
    const visits = new Visits()
    for (const name of ['a1', 'b1', 'c1']) visits.enter(name)
    await settled()
    visits.abort('b1')
    visits.leave('a1')
    await settled()
    expect(visits.running).toEqual(['c1'])
    await visits.drain()
    expect(visits.turnstile.state).toEqual({ running: 0, limit: 1, queued: 0 })
  })
})

type Step =
  | { do: 'enter'; caller: string; isOneOfMany: boolean }
  | { do: 'leave' | 'abort'; which: number }
  | { do: 'settle' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('enter' as const),
    caller: fc.constantFrom('a', 'b', 'c'),
    isOneOfMany: fc.boolean(),
  }),
  fc.record({ do: fc.constantFrom('leave' as const, 'abort' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('settle' as const) }),
)

function pick(names: readonly string[], which: number): string | undefined {
  return names[which % Math.max(1, names.length)]
}

function take(visits: Visits, taken: Exclude<Step, { do: 'settle' }>, index: number): void {
  switch (taken.do) {
    case 'enter':
      visits.enter(`${taken.caller}${index}`, taken.isOneOfMany)
      break
    case 'leave':
      visits.leave(pick(visits.running, taken.which) ?? '')
      break
    case 'abort':
      visits.abort(pick([...visits.waiting, ...visits.running], taken.which) ?? '')
      break
  }
}

describe('Turnstile', () => {
  it('never has too many in it, loses no place and forgets nobody, whatever happens', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 5 }),
        async (steps, places, queuePlaces) => {
          const visits = new Visits({ places, queuePlaces })
          for (const [index, taken] of steps.entries()) {
            if (taken.do === 'settle') await settled()
            else take(visits, taken, index)
            const { running, queued } = visits.turnstile.state
            expect(running).toBeLessThanOrEqual(places)
            expect(queued).toBeLessThanOrEqual(queuePlaces)
            if (queued > 0) expect(running).toBe(places)
          }
          await settled()
          expect(visits.turnstile.state).toEqual({
            running: visits.running.length,
            limit: places,
            queued: visits.waiting.length,
          })
          await visits.drain()
          expect(visits.waiting).toEqual([])
          expect(visits.turnstile.state).toEqual({ running: 0, limit: places, queued: 0 })
        },
      ),
      { numRuns: 300 },
    ))
})
