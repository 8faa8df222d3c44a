/** Over so long the speed is measured. */
const windowMs = 60_000

/** How many lines a second are done, lately. */
export class Speed {
  readonly #changes: { done: number; atMs: number }[] = []

  /** The speed now, when so many are done; undefined before one was done since the first look. */
  look(done: number, nowMs: number): number | undefined {
    const changes = this.#changes
    if (changes.at(-1)?.done !== done) changes.push({ done, atMs: nowMs })
    // One from before the window stays, so that a slow batch has a speed too.
    while (changes[1] && changes[1].atMs <= nowMs - windowMs && changes[1].done < done)
      changes.shift()
    const [first] = changes
    if (first === undefined || done <= first.done || nowMs <= first.atMs) return undefined
    return (done - first.done) / ((nowMs - first.atMs) / 1000)
  }
}
