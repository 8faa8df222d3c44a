import { TurnError } from '../turn/error.ts'

export type FreshOptions = {
  now: () => number
  /** From this age on it is read again, while it is still given; default 500 ms. */
  renewMs?: number
  /** From this age on it is not given before it has been read; default 1000 ms. */
  freshMs?: number
  /** How old it may be while the storage cannot be used; default five minutes. */
  boundMs?: number
}

/** A stored value that is at most a second old, for whoever must not wait for the storage each time. */
export class Fresh<T> {
  readonly #read: () => Promise<T>
  readonly #options: Required<FreshOptions>
  #known: { value: T; readMs: number; reading: number } | undefined
  #readings = 0
  #reading: { sinceMs: number; promise: Promise<T> } | undefined

  constructor(read: () => Promise<T>, options: FreshOptions) {
    this.#read = read
    this.#options = { renewMs: 500, freshMs: 1_000, boundMs: 300_000, ...options }
  }

  /** At once where it is fresh. Throws what reading throws, unless the storage is away and the value not too old. */
  get(): T | Promise<T> {
    const known = this.#known
    const { renewMs, freshMs, boundMs } = this.#options
    const ageMs = known === undefined ? Infinity : this.#age(known.readMs)
    if (known === undefined || ageMs >= freshMs) {
      return this.#renew().catch((error: unknown) => {
        if (known !== undefined && ageMs < boundMs && isAway(error)) return known.value
        throw error
      })
    }
    // Its failure shows when the value is too old.
    if (ageMs >= renewMs) this.#renew().catch(() => undefined)
    return known.value
  }

  /** A clock that was set back has made it no younger. */
  #age(sinceMs: number): number {
    const ageMs = this.#options.now() - sinceMs
    return ageMs < 0 ? Infinity : ageMs
  }

  /** Joins a reading that is under way, unless what it finds could be too old already. */
  #renew(): Promise<T> {
    if (this.#reading && this.#age(this.#reading.sinceMs) < this.#options.freshMs)
      return this.#reading.promise
    // As old as its question: it may have changed since.
    const sinceMs = this.#options.now()
    const reading = { sinceMs, promise: this.#readSince(sinceMs) }
    this.#reading = reading
    const over = (): void => {
      if (this.#reading === reading) this.#reading = undefined
    }
    reading.promise.then(over, over)
    return reading.promise
  }

  async #readSince(readMs: number): Promise<T> {
    const reading = ++this.#readings
    const value = await this.#read()
    // A later one may have been faster.
    if (reading > (this.#known?.reading ?? 0)) this.#known = { value, readMs, reading }
    return value
  }
}

function isAway(error: unknown): boolean {
  return error instanceof TurnError && error.code === 'storage_unavailable'
}
