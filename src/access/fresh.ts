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
  #known: { value: T; readMs: number } | undefined
  #reading: Promise<T> | undefined

  constructor(read: () => Promise<T>, options: FreshOptions) {
    this.#read = read
    this.#options = { renewMs: 500, freshMs: 1_000, boundMs: 300_000, ...options }
  }

  /** At once where it is fresh. Throws what reading throws, unless the storage is away and the value not too old. */
  get(): T | Promise<T> {
    const known = this.#known
    const { now, renewMs, freshMs, boundMs } = this.#options
    const ageMs = known === undefined ? Infinity : now() - known.readMs
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

  #renew(): Promise<T> {
    this.#reading ??= this.#readNow().finally(() => (this.#reading = undefined))
    return this.#reading
  }

  async #readNow(): Promise<T> {
    // As old as its question: it may have changed since.
    const readMs = this.#options.now()
    const value = await this.#read()
    this.#known = { value, readMs }
    return value
  }
}

function isAway(error: unknown): boolean {
  return error instanceof TurnError && error.code === 'storage_unavailable'
}
