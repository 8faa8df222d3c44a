/**
 * Callbacks that come and go with every request, and are called together. Not a `Set`: the table of one is made anew every so many
 * additions, each old table points to the next one, and what a request leaves behind is then kept from the young generation's
 * collector along that chain (docs/decisions/0019-garbage-collection.md).
 */
export class Callbacks {
  readonly #callbacks: ((() => void) | undefined)[] = []
  readonly #free: number[] = []

  /** Gives the function that takes it away again. */
  add(callback: () => void): () => void {
    const at = this.#free.pop() ?? this.#callbacks.length
    this.#callbacks[at] = callback
    return () => {
      if (this.#callbacks[at] !== callback) return
      this.#callbacks[at] = undefined
      this.#free.push(at)
    }
  }

  call(): void {
    for (const callback of this.#callbacks) callback?.()
  }
}
