/** What an owner has used of one model of one provider on one day. */
export type DayUsage = {
  owner: string
  /** Days since 1970, in UTC. */
  day: number
  provider: string
  model: string
  requests: number
  /** All of the prompt, and the part of it that was read from the provider's cache. */
  inputTokens: number
  cachedTokens: number
  outputTokens: number
  /** Millionths of a dollar, as far as providers say what they cost. */
  micros: number
}

/** What was used, by day. */
export type UsageDays = {
  /** Adds to what is there; at most 500. */
  add(usages: readonly DayUsage[]): Promise<void>
  /** The newest day first. `owner`: of one alone; days from and to, both included. */
  list(query: { owner?: string; from: number; to: number }): Promise<DayUsage[]>
  /** Forgets days before this one, 500 rows at the most; false when nothing was left. */
  removeBefore(day: number): Promise<boolean>
}

export type UsageRow = {
  owner: string
  day: number
  provider: string
  model: string
  requests: number
  input_tokens: number
  cached_tokens: number
  output_tokens: number
  micros: number
}
