import { describe, expect, it } from 'vitest'
import { Callbacks } from './callbacks.ts'

describe('callbacks', () => {
  it('are called together, without those that were taken away', () => {
    const all = new Callbacks()
    const called: string[] = []
    const add = (name: string) => all.add(() => called.push(name))
    add('a')
    const takeAway = add('b')
    takeAway()
    add('c')
    takeAway()
    add('d')
    all.call()
    expect(called).toEqual(['a', 'c', 'd'])
  })

  it('may take themselves away while they are called', () => {
    const all = new Callbacks()
    const called: number[] = []
    for (const one of [1, 2, 3]) {
      const takeAway = all.add(() => {
        called.push(one)
        takeAway()
      })
    }
    all.call()
    all.call()
    expect(called).toEqual([1, 2, 3])
  })
})
