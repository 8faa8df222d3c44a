import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LiveConversations, type LiveFacts, type LiveKeys } from './live-conversations.ts'

class Fake {
  readonly name: string
  alive = true
  closed = 0

  constructor(name: string) {
    this.name = name
  }

  close(): void {
    this.closed++
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const keysOf = (name: string) => ({ conversation: `c-${name}`, session: `s-${name}` })

function live(places = 2) {
  const conversations = new LiveConversations<Fake>({ places, keepMs: 1_000 })
  const kept = (
    name: string,
    keys: LiveKeys = keysOf(name),
    more: Partial<LiveFacts> = {},
  ): Fake => {
    const process = new Fake(name)
    conversations.keep(process, { sessionId: name, keys, ...more })
    return process
  }
  return { conversations, kept }
}

describe('LiveConversations', () => {
  it('gives a process once, to whoever has its conversation', () => {
    const { conversations, kept } = live()
    const a = kept('a')
    expect(conversations.take({ conversation: 'c-b' })).toBeUndefined()
    expect(conversations.take({ conversation: 'c-a' })).toBe(a)
    expect(conversations.take({ conversation: 'c-a' })).toBeUndefined()
    expect(a.closed).toBe(0)
  })

  it('gives none in which something else was thought than is asked for', () => {
    const { conversations, kept } = live()
    const a = kept('a', { ...keysOf('a'), seals: ['one', 'two'] })
    expect(conversations.take({ conversation: 'c-a', seals: ['other'] })).toBeUndefined()
    expect(conversations.take({ conversation: 'c-a', seals: ['two'] })).toBe(a)
    const b = kept('b')
    expect(conversations.take({ conversation: 'c-b', seals: ['one'] })).toBeUndefined()
    expect(conversations.take({ conversation: 'c-b', seals: [] })).toBe(b)
  })

  it('gives a process by its session, and then asks for nothing else', () => {
    const { conversations, kept } = live()
    const a = kept('a')
    expect(conversations.take({ session: 's-x', conversation: 'c-a' })).toBeUndefined()
    expect(conversations.take({ session: 's-a' })).toBe(a)
  })

  it('gives nothing to a conversation when the process is known by its session alone', () => {
    const { conversations, kept } = live()
    kept('a', { session: 's-a' })
    expect(conversations.take({})).toBeUndefined()
    expect(conversations.size).toBe(1)
  })

  it('gives another process of the same conversation when one has ended meanwhile', () => {
    const { conversations, kept } = live()
    const first = kept('a')
    const second = kept('a')
    first.alive = false
    expect(conversations.take({ conversation: 'c-a' })).toBe(second)
    expect(first.closed).toBe(1)
  })

  it('ends the one that was kept longest when there is no place', () => {
    const { conversations, kept } = live(2)
    const [a, b, c] = ['a', 'b', 'c'].map((name) => kept(name))
    expect([a?.closed, b?.closed, c?.closed]).toEqual([1, 0, 0])
    expect(conversations.size).toBe(2)
  })

  it('ends a process when its time is over, and not one that was taken', () => {
    const { conversations, kept } = live()
    const a = kept('a')
    const b = kept('b')
    conversations.take({ session: 's-b' })
    vi.advanceTimersByTime(1_000)
    expect([a.closed, b.closed, conversations.size]).toEqual([1, 0, 0])
  })

  it('keeps nothing without places, and nothing that has ended', () => {
    const none = live(0)
    expect(none.kept('a').closed).toBe(1)
    const dead = new Fake('b')
    dead.alive = false
    const { conversations } = live()
    conversations.keep(dead, { sessionId: 'b', keys: keysOf('b') })
    expect([dead.closed, conversations.size]).toEqual([1, 0])
  })

  it('gives away every process of a session that goes on elsewhere, as it is', () => {
    const { conversations, kept } = live(3)
    const processes = [kept('a'), kept('a'), kept('b')]
    expect(conversations.takeSession('a')).toEqual(processes.slice(0, 2))
    expect(processes.map(({ closed }) => closed)).toEqual([0, 0, 0])
    expect(conversations.size).toBe(1)
  })

  it('gives the process of the least recently used conversation of a profile, never an empty one or another', () => {
    const { conversations, kept } = live(5)
    kept('other', undefined, { profile: 'q' })
    kept('none')
    kept('empty', undefined, { profile: 'p', isEmpty: true })
    const [a, b] = ['a', 'b'].map((name) => kept(name, undefined, { profile: 'p' }))
    expect(conversations.countOf('p')).toBe(2)
    expect(conversations.takeSpare('p')).toBe(a)
    expect(conversations.take({ session: 's-a' })).toBeUndefined()
    expect(conversations.takeSpare('p')).toBe(b)
    expect(conversations.takeSpare('p')).toBeUndefined()
    expect(conversations.size).toBe(3)
  })

  it('ends all when it closes', () => {
    const { conversations, kept } = live()
    const processes = [kept('a'), kept('b')]
    conversations.close()
    expect(processes.map(({ closed }) => closed)).toEqual([1, 1])
    expect(vi.getTimerCount()).toBe(0)
  })
})
