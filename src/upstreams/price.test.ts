import { describe, expect, it } from 'vitest'
import { noUsage } from '../turn/usage.ts'
import { costOf, priceOf } from './price.ts'

describe('a price', () => {
  it('is the model’s own, or that of all', () => {
    const price = { inputUsd: 1, outputUsd: 2 }
    const large = { inputUsd: 3, outputUsd: 4 }
    expect(priceOf({ price, prices: { large } }, 'large')).toBe(large)
    expect(priceOf({ price, prices: { large } }, 'toString')).toBe(price)
    expect(priceOf({ prices: { large } }, 'small')).toBeUndefined()
    expect(priceOf({}, 'large')).toBeUndefined()
  })

  it('counts what is written to a cache as any prompt, and what is read from it apart', () => {
    const usage = {
      inputTokens: 1_000_000,
      cacheCreationTokens: 1_000_000,
      cacheReadTokens: 1_000_000,
      outputTokens: 1_000_000,
      reasoningTokens: 500_000,
    }
    expect(costOf(usage, { inputUsd: 2, outputUsd: 8, cachedInputUsd: 0.5 })).toBe(12.5)
    expect(costOf(usage, { inputUsd: 2, outputUsd: 8 })).toBe(14)
    expect(costOf(usage, { inputUsd: 0, outputUsd: 0 })).toBe(0)
  })

  it('says nothing of an answer that does not tell what it has used', () => {
    expect(costOf(noUsage, { inputUsd: 2, outputUsd: 8 })).toBeUndefined()
  })
})
