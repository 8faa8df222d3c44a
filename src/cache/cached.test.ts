import { describe, expect, it } from 'vitest'
import { Cancellation } from '../turn/cancellation.ts'
import type { Backend, TurnContext } from '../turn/backend.ts'
import { defaultClaudeOptions } from '../turn/claude-options.ts'
import { TurnError } from '../turn/error.ts'
import type { TurnEvent } from '../turn/event.ts'
import { plainTurn, type Turn } from '../turn/turn.ts'
import { noUsage } from '../turn/usage.ts'
import { cached, type CacheOptions } from './cached.ts'
import { CacheStore, type StoreLimits } from './store.ts'

const usage = { ...noUsage, inputTokens: 10, outputTokens: 5 }
const limits: StoreLimits = { entries: 10, bytes: 1_000_000, keepMs: 60_000 }

/** A backend whose answers are counted, and which waits where a test says so. */
function scripted(...middle: (TurnEvent | Promise<unknown> | Error)[]) {
  const backend = {
    name: 'scripted',
    runs: 0,
    stopped: [] as unknown[],
    finish: 'stop' as 'stop' | 'length' | 'content-filter',
    async *run(_turn: Turn, { cancellation: { signal } }: TurnContext): AsyncGenerator<TurnEvent> {
      const run = ++backend.runs
      signal.addEventListener('abort', () => backend.stopped.push(signal.reason))
      yield { type: 'notice', notice: { type: 'remark', text: 'kept' } }
      yield { type: 'start', id: `msg-${run}`, provider: 'claude', model: 'm', sessionId: 's' }
      yield { type: 'text-start', block: 0 }
      yield { type: 'text-delta', block: 0, text: `run ${run}` }
      for (const step of middle) {
        if (step instanceof Error) throw step
        if (step instanceof Promise) {
          await Promise.race([
            step,
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason as Error))
            }),
          ])
        } else yield step
      }
      yield { type: 'text-delta', block: 0, text: '!' }
      yield { type: 'text-end', block: 0 }
      const claude = { sessionId: 's', costUsd: 1, durationMs: 1, turns: 1 }
      yield { type: 'finish', reason: backend.finish, model: 'm', usage, claude }
    },
  }
  return backend satisfies Backend
}

function start(
  backend: Backend,
  more: { options?: Partial<CacheOptions>; limits?: Partial<StoreLimits> } = {},
) {
  const clock = { nowMs: 1_000_000 }
  const store = new CacheStore({ ...limits, ...more.limits }, () => clock.nowMs)
  const cache = cached(backend, store, { isDefault: true, sharedOwners: [], ...more.options })
  return { cache, store, clock }
}

function turnOf(content = 'Hi', claude: Partial<Turn['claude']> = {}): Turn {
  return {
    ...plainTurn,
    claude: { ...defaultClaudeOptions, ...claude },
    source: { dialect: 'openai-chat', body: { messages: [{ role: 'user', content }] } },
  }
}

function contextOf(more: Partial<TurnContext> = {}): TurnContext {
  return {
    cancellation: new Cancellation(),
    requestId: 'r',
    owner: 'a',
    stream: false,
    ...more,
  }
}

async function ask(cache: Backend, turn = turnOf(), context = contextOf()) {
  const events: TurnEvent[] = []
  for await (const event of cache.run(turn, context)) events.push(event)
  const notices = events.flatMap((event) => (event.type === 'notice' ? [event.notice] : []))
  const told = notices.find(({ type }) => type === 'cache')
  return {
    events,
    text: events.map((event) => (event.type === 'text-delta' ? event.text : '')).join(''),
    state: told?.type === 'cache' ? told.state : undefined,
    told,
    notices,
  }
}

describe('cached', () => {
  it('gives an answer again to the same owner, without session and cost, and says what that saves', async () => {
    const backend = scripted()
    const { cache, clock, store } = start(backend)
    expect(await ask(cache)).toMatchObject({ state: 'miss', text: 'run 1!' })
    clock.nowMs += 5_000
    const hit = await ask(cache, turnOf(), contextOf({ stream: true, requestId: 'r2' }))
    expect(hit).toMatchObject({
      text: 'run 1!',
      told: { state: 'hit', ageMs: 5_000, savedTokens: 15 },
    })
    expect(hit.notices).toContainEqual({ type: 'remark', text: 'kept' })
    expect(hit.events).toContainEqual({ type: 'start', id: 'r2', provider: 'claude', model: 'm' })
    expect(hit.events.at(-1)).toEqual({ type: 'finish', reason: 'stop', model: 'm', usage })
    expect(backend.runs).toBe(1)
    expect(store.countsOf('owner a')).toEqual({ hits: 1, misses: 1, shared: 0, savedTokens: 15 })
  })

  it('never crosses owners, unless they share by name', async () => {
    const backend = scripted()
    const { cache } = start(backend, { options: { sharedOwners: ['c', 'd'] } })
    for (const owner of ['a', 'b', 'c', 'd']) await ask(cache, turnOf(), contextOf({ owner }))
    expect(backend.runs).toBe(3)
    expect((await ask(cache, turnOf(), contextOf({ owner: 'd' }))).text).toBe('run 3!')
  })

  it.each<[string, Partial<CacheOptions>, Turn['claude']['cache'], string | undefined]>([
    ['off', { isDefault: false }, undefined, undefined],
    ['off, but asked for', { isDefault: false }, 'exact', 'hit'],
    ['on, but not wanted', {}, 'off', undefined],
  ])('%s', async (_name, options, wish, state) => {
    const { cache } = start(scripted(), { options })
    const turn = turnOf('Hi', wish === undefined ? {} : { cache: wish })
    await ask(cache, turn)
    expect((await ask(cache, turn)).state).toBe(state)
  })

  it('obeys no-store, no-cache and max-age', async () => {
    const { cache, clock } = start(scripted())
    const asked = async (control: TurnContext['cache']) =>
      (await ask(cache, turnOf(), contextOf(control && { cache: control }))).text
    expect(await asked({ noStore: true })).toBe('run 1!')
    expect(await asked({})).toBe('run 2!')
    expect(await asked({ noStore: true })).toBe('run 3!')
    expect(await asked({})).toBe('run 2!')
    // Asked anew, and the new answer is kept.
    expect(await asked({ noCache: true })).toBe('run 4!')
    expect(await asked({})).toBe('run 4!')
    clock.nowMs += 10_000
    expect(await asked({ maxAgeMs: 10_000 })).toBe('run 4!')
    expect(await asked({ maxAgeMs: 9_000 })).toBe('run 5!')
  })

  it('forgets an answer when its time is over', async () => {
    const { cache, clock, store } = start(scripted())
    await ask(cache)
    clock.nowMs += 60_001
    expect((await ask(cache)).text).toBe('run 2!')
    clock.nowMs += 60_001
    store.clean()
    expect(store.list('owner a')).toEqual([])
  })

  it.each<[string, (backend: ReturnType<typeof scripted>) => void]>([
    ['was cut', (backend) => void (backend.finish = 'length')],
    ['was filtered', (backend) => void (backend.finish = 'content-filter')],
  ])('keeps no answer that %s', async (_name, change) => {
    const backend = scripted()
    change(backend)
    const { cache } = start(backend)
    await ask(cache)
    expect((await ask(cache)).state).toBe('miss')
  })

  it.each<[string, TurnEvent | Error]>([
    ['failed', new TurnError('upstream_error', 'x')],
    [
      'did something',
      { type: 'activity', activity: { type: 'tool-use', id: 'x', name: 'Read', input: {} } },
    ],
    [
      'came from a stand-in',
      { type: 'notice', notice: { type: 'attempt', provider: 'c', outcome: 'overloaded' } },
    ],
  ])('keeps no answer that %s', async (_name, step) => {
    const backend = scripted(step)
    const { cache } = start(backend)
    await ask(cache).catch(() => undefined)
    await ask(cache).catch(() => undefined)
    expect(backend.runs).toBe(2)
  })

  it('lets turns that may act pass by', async () => {
    const backend = scripted()
    const { cache } = start(backend)
    const turn = turnOf('Hi', { tools: ['Read'] })
    await ask(cache, turn)
    expect(await ask(cache, turn)).toMatchObject({ state: undefined, text: 'run 2!' })
  })

  it('is bounded by number, the least recently used first', async () => {
    const { cache, store } = start(scripted(), { limits: { entries: 2 } })
    for (const text of ['a', 'b', 'a', 'c']) await ask(cache, turnOf(text))
    expect(store.list('owner a')).toHaveLength(2)
    expect((await ask(cache, turnOf('a'))).state).toBe('hit')
    expect((await ask(cache, turnOf('b'))).state).toBe('miss')
  })

  it('is bounded by bytes, and keeps no answer that would drive out all others', async () => {
    const long: TurnEvent = { type: 'text-delta', block: 0, text: 'x'.repeat(10_000) }
    const { cache, store } = start(scripted(long), { limits: { bytes: 100_000 } })
    expect((await ask(cache)).text).toHaveLength(10_006)
    expect(store.list('owner a')).toEqual([])
  })
})

function gate() {
  let open: (() => void) | undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open?.() }
}

describe('those who ask the same at the same time', () => {
  it('share one turn', async () => {
    const { opened, open } = gate()
    const backend = scripted(opened)
    const { cache } = start(backend)
    const asked = [1, 2, 3].map(() => ask(cache))
    await new Promise((resolve) => setImmediate(resolve))
    open()
    const answers = await Promise.all(asked)
    expect(answers.map(({ state }) => state)).toEqual(['miss', 'shared', 'shared'])
    expect(answers.map(({ text }) => text)).toEqual(['run 1!', 'run 1!', 'run 1!'])
    expect(backend.runs).toBe(1)
    expect((await ask(cache)).state).toBe('hit')
  })

  it('lose nothing when the one who began leaves', async () => {
    const { opened, open } = gate()
    const backend = scripted(opened)
    const { cache } = start(backend)
    const leader = new Cancellation()
    const first = ask(cache, turnOf(), contextOf({ cancellation: leader }))
    const second = ask(cache)
    await new Promise((resolve) => setImmediate(resolve))
    leader.abort(new TurnError('request_cancelled', 'left'))
    await expect(first).rejects.toMatchObject({ code: 'request_cancelled' })
    expect(backend.stopped).toEqual([])
    open()
    expect(await second).toMatchObject({ state: 'shared', text: 'run 1!' })
  })

  it('end the turn when the last of them has left', async () => {
    const backend = scripted(gate().opened)
    const { cache } = start(backend)
    const callers = [new Cancellation(), new Cancellation()]
    const asked = callers.map((cancellation) => ask(cache, turnOf(), contextOf({ cancellation })))
    await new Promise((resolve) => setImmediate(resolve))
    const reason = new TurnError('request_cancelled', 'left')
    for (const caller of callers) caller.abort(reason)
    const ends = await Promise.allSettled(asked)
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(backend.stopped).toEqual([reason])
    // The next one begins anew.
    const next = ask(cache).catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    expect(backend.runs).toBe(2)
    void next
  })

  it('all get its failure', async () => {
    const { opened, open } = gate()
    const { cache } = start(scripted(opened, new TurnError('upstream_error', 'x')))
    const asked = [1, 2].map(() => ask(cache))
    await new Promise((resolve) => setImmediate(resolve))
    open()
    const ends = await Promise.allSettled(asked)
    expect(ends).toMatchObject([
      { reason: { code: 'upstream_error' } },
      { reason: { code: 'upstream_error' } },
    ])
  })

  it('are held up by nobody who reads slowly or not at all', async () => {
    const { cache } = start(scripted())
    const slow = cache.run(turnOf(), contextOf())[Symbol.asyncIterator]()
    await slow.next()
    expect((await ask(cache)).text).toBe('run 1!')
    await slow.return?.()
  })

  it('and leave before they read anything leave nothing behind', async () => {
    const backend = scripted()
    const { cache } = start(backend)
    const iterator = cache.run(turnOf(), contextOf())[Symbol.asyncIterator]()
    await iterator.next()
    await iterator.return?.()
    expect(await ask(cache)).toMatchObject({ state: 'miss' })
  })
})
