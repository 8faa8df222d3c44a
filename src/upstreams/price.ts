import type { Usage } from '../turn/usage.ts'

/** What an API asks for, in US dollars a million tokens. */
export type Price = {
  inputUsd: number
  outputUsd: number
  /** Of prompt tokens that its cache held; absent: as others. */
  cachedInputUsd?: number
}

export type Priced = {
  /** Of every model that has no price of its own. */
  price?: Price
  /** By the name of the model as the API is asked for it. */
  prices?: Readonly<Record<string, Price>>
}

/** What its owner has said that a model costs; undefined: nothing. */
export function priceOf({ price, prices = {} }: Priced, model: string): Price | undefined {
  return Object.hasOwn(prices, model) ? prices[model] : price
}

/** In US dollars; undefined where nobody said how much was used. */
export function costOf(usage: Usage, price: Price): number | undefined {
  const { inputTokens, cacheReadTokens, cacheCreationTokens, outputTokens } = usage
  const fresh = inputTokens + cacheCreationTokens
  if (fresh + cacheReadTokens + outputTokens === 0) return undefined
  const cachedUsd = price.cachedInputUsd ?? price.inputUsd
  const micros =
    fresh * price.inputUsd + cacheReadTokens * cachedUsd + outputTokens * price.outputUsd
  return micros / 1_000_000
}
