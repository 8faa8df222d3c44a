/** So many at once; whoever comes when all places are taken waits for one, first come, first served. */
export class Places {
  readonly #waiting: ((leave: () => void) => void)[] = []
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  /** Takes a place; the function gives it back, once. Undefined when there was none for so many milliseconds. */
  take(patienceMs: number): (() => void) | Promise<(() => void) | undefined> {
    if (this.#free > 0) {
      this.#free -= 1
      return this.#leave()
    }
    return new Promise((resolve) => {
      const enter = (leave: () => void): void => {
        clearTimeout(timer)
        resolve(leave)
      }
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        resolve(undefined)
      }, patienceMs)
      this.#waiting.push(enter)
    })
  }

  #leave(): () => void {
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const next = this.#waiting.shift()
      if (next) next(this.#leave())
      else this.#free += 1
    }
  }
}
