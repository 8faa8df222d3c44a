import { describe, expect, it } from 'vitest'
import { providerOf } from '../../test/support/providers.ts'
import { inOrder, orderOf } from './order.ts'
import type { Provider } from './provider.ts'

function named(name: string, more: Partial<Provider> = {}): Provider {
  return providerOf({ name, run: () => ({ [Symbol.asyncIterator]: never }) }, more)
}

function never(): AsyncIterator<never> {
  return { next: () => Promise.resolve({ done: true, value: undefined }) }
}

function names(providers: readonly Provider[]): string {
  return providers.map(({ backend }) => backend.name).join(' ')
}

const light = named('light', { group: 'g', weight: 1 })
const heavy = named('heavy', { group: 'g', weight: 3 })
const all = [named('claude-code'), light, named('other'), heavy]

describe('orderOf', () => {
  it('draws the members of a group by weight, at the place of the first', () => {
    expect(names(orderOf(all, () => 0.2))).toBe('claude-code light heavy other')
    expect(names(orderOf(all, () => 0.3))).toBe('claude-code heavy light other')
    expect(names(orderOf(all, () => 0.999))).toBe('claude-code heavy light other')
  })

  it('keeps the order without groups', () => {
    const plain = [named('a'), named('b')]
    expect(names(orderOf(plain, () => 0.9))).toBe('a b')
  })
})

describe('inOrder', () => {
  it('puts the named first, groups with all members, and keeps the others', () => {
    expect(names(inOrder(all, ['other', 'g']))).toBe('other light heavy claude-code')
    expect(names(inOrder(all, []))).toBe('claude-code light other heavy')
  })
})
