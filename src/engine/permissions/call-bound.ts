/** How many calls of built-in tools one answer may have; its process may give further answers, each with calls of its own. */
export class CallBound {
  readonly #most: number
  #left: number

  constructor(most: number) {
    this.#most = most
    this.#left = most
  }

  /** Another answer begins. */
  begin(): void {
    this.#left = this.#most
  }

  /** Counts a call that may run. Gives why it may not. */
  take(): string | undefined {
    if (this.#left === 0) {
      return `this answer may call tools ${this.#most} times at the most, and has; answer with what you know by now`
    }
    this.#left -= 1
    return undefined
  }
}
