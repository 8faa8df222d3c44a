import { setTimeout as sleep } from 'node:timers/promises'

/** The pause of a loop that looks for work now and then, and at once when it is told that there is some. */
export class Snooze {
  #isWoken = false
  #cut: (() => void) | undefined

  /** Ends the pause; while there is none, the next one is left out. */
  wake(): void {
    this.#isWoken = true
    this.#cut?.()
  }

  /** Until the time is over or somebody wakes it. One at a time. */
  async pause(ms: number): Promise<void> {
    if (!this.#isWoken) {
      const cut = new AbortController()
      this.#cut = () => cut.abort()
      // It rejects when it is cut short.
      await sleep(ms, undefined, { signal: cut.signal, ref: false }).catch(() => {})
      this.#cut = undefined
    }
    this.#isWoken = false
  }
}
