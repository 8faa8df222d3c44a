/** How long a batch pauses when whoever throttles it does not say. */
const shortestMs = 500
const longestMs = 60_000
/** Longer waits than this are looked at again: a limit may have been raised. */
const longestToldMs = 15 * 60_000

/**
 * How many lines of a batch run at once: half as many after each time that something was too busy for one, and slowly more again with
 * each that is answered.
 */
export class Pace {
  #most = Number.POSITIVE_INFINITY
  #untilMs = 0
  #waitMs = shortestMs

  /** How many more may begin while so many run. */
  room(running: number, nowMs: number): number {
    return nowMs >= this.#untilMs ? Math.max(0, Math.ceil(this.#most - running)) : 0
  }

  /** One was turned away while so many ran, itself among them; `retryAfterMs`: what it was told. */
  slowDown(running: number, nowMs: number, retryAfterMs: number | undefined): void {
    // The others of the same moment tell nothing new.
    if (nowMs < this.#untilMs) return
    this.#most = Math.max(1, Math.floor(Math.min(this.#most, running) / 2))
    this.#untilMs = nowMs + Math.min(retryAfterMs ?? this.#waitMs, longestToldMs)
    this.#waitMs = Math.min(this.#waitMs * 2, longestMs)
  }

  /** One was answered. */
  speedUp(): void {
    this.#waitMs = shortestMs
    this.#most += 1 / this.#most
  }
}
