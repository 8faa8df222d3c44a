import type { DayUsage, UsageDays } from '../storage/parts/usage.ts'
import { TurnError } from '../turn/error.ts'
import type { Usage } from '../turn/usage.ts'

/** What one answered request has used. */
export type Used = {
  owner: string
  provider: string
  model: string
  usage: Usage
  /** Absent: the provider does not say. */
  costUsd?: number
}

export type UsageQuery = {
  /** Absent: everybody's. */
  owner?: string
  /** Days of UTC as `2030-01-31`, both included; default: the last 30. */
  start?: string
  end?: string
}

const writeMs = 1_000
const writtenAtOnce = 500
const dayMs = 86_400_000
const usualDays = 30

/** Counts what is used, in memory first: a request waits for nothing, and a killed server loses a second of it. */
export class UsageBook {
  readonly #days: Promise<UsageDays>
  readonly #now: () => number
  readonly #pending = new Map<string, DayUsage>()
  readonly #timer: NodeJS.Timeout
  #writing: Promise<void> = Promise.resolve()

  constructor(days: Promise<UsageDays>, now: () => number = Date.now) {
    this.#days = days
    this.#now = now
    // While the storage is away it waits, added up.
    this.#timer = setInterval(() => void this.write().catch(() => undefined), writeMs)
    this.#timer.unref()
  }

  add({ owner, provider, model, usage, costUsd = 0 }: Used): void {
    const { inputTokens, cacheReadTokens, cacheCreationTokens, outputTokens } = usage
    this.#collect({
      owner,
      day: Math.floor(this.#now() / dayMs),
      provider,
      model,
      requests: 1,
      inputTokens: inputTokens + cacheReadTokens + cacheCreationTokens,
      cachedTokens: cacheReadTokens,
      outputTokens,
      micros: Math.round(costUsd * 1_000_000),
    })
  }

  /** What was used, the newest day first; what this node has counted so far is in it. Throws `invalid_value`. */
  async list({ owner, start, end }: UsageQuery): Promise<DayUsage[]> {
    const to = end === undefined ? Math.floor(this.#now() / dayMs) : dayOf(end, 'end')
    const from = start === undefined ? to - usualDays + 1 : dayOf(start, 'start')
    await this.write()
    const days = await this.#days
    return days.list({ from, to, ...(owner !== undefined && { owner }) })
  }

  /** Forgets days that are over for longer than this, in small steps. */
  async clean(keepMs: number): Promise<void> {
    const days = await this.#days
    const first = Math.floor((this.#now() - keepMs) / dayMs)
    while (await days.removeBefore(first)) await pause()
  }

  /** Writes what was counted; keeps it when that fails. */
  write(): Promise<void> {
    const next = this.#writing.catch(() => undefined).then(() => this.#writeNow())
    this.#writing = next
    return next
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.write().catch(() => undefined)
  }

  async #writeNow(): Promise<void> {
    if (this.#pending.size === 0) return
    const days = await this.#days
    const taken = [...this.#pending.values()]
    this.#pending.clear()
    for (let at = 0; at < taken.length; at += writtenAtOnce) {
      try {
        await days.add(taken.slice(at, at + writtenAtOnce))
      } catch (error) {
        for (const usage of taken.slice(at)) this.#collect(usage)
        throw error
      }
    }
  }

  /** Keeps what it is given, and adds to it. */
  #collect(usage: DayUsage): void {
    const key = `${usage.owner}\0${usage.day}\0${usage.provider}\0${usage.model}`
    const known = this.#pending.get(key)
    if (!known) {
      this.#pending.set(key, usage)
      return
    }
    known.requests += usage.requests
    known.inputTokens += usage.inputTokens
    known.cachedTokens += usage.cachedTokens
    known.outputTokens += usage.outputTokens
    known.micros += usage.micros
  }
}

/** Requests come first. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function dayOf(text: string, field: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(ms)) return Math.floor(ms / dayMs)
  throw new TurnError(
    'invalid_value',
    `${field}: ${JSON.stringify(text.slice(0, 50))} is not a day; write it as 2030-01-31.`,
    { param: field },
  )
}

/** A day's use as the API shows it. */
export function shownUsage(usage: DayUsage) {
  return {
    date: new Date(usage.day * dayMs).toISOString().slice(0, 10),
    owner: usage.owner,
    provider: usage.provider,
    model: usage.model,
    requests: usage.requests,
    input_tokens: usage.inputTokens,
    cached_input_tokens: usage.cachedTokens,
    output_tokens: usage.outputTokens,
    cost_usd: usage.micros / 1_000_000,
  }
}
