import { Transform, type TransformCallback } from 'node:stream'

/**
 * A pipe that lets through so many bytes ahead of its reader. It stands before a consumer that takes all it can get and queues it:
 * when the allowance is used up, the source must wait until the consumer's own reader has found the queue empty.
 */
export class FlowGate extends Transform {
  readonly #allowance: number
  #left: number
  #isOpen = false
  /** How many wait with nothing left in the queue: what they wait for may be of any size. */
  #waiting = 0
  #continue: TransformCallback | undefined

  /** `allowance`: in bytes. */
  constructor(allowance: number) {
    super()
    this.#allowance = allowance
    this.#left = allowance
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.push(chunk)
    this.#left -= chunk.length
    if (this.#left > 0 || this.#waiting > 0 || this.#isOpen) done()
    else this.#continue = done
  }

  /** Passes on what the queue's reader waits for; while it waits with nothing left in the queue, everything comes through. */
  async whileRead<T>(next: Promise<T>): Promise<T> {
    let isWaiting = false
    // What is in the queue already is there within a turn of the event loop.
    const emptied = setImmediate(() => {
      isWaiting = true
      this.#waiting++
      this.#refill()
    })
    try {
      return await next
    } finally {
      clearImmediate(emptied)
      if (isWaiting) this.#waiting--
      if (isWaiting) this.#left = this.#allowance
    }
  }

  /** Lets everything through from now on. */
  open(): void {
    this.#isOpen = true
    this.#refill()
  }

  #refill(): void {
    this.#left = this.#allowance
    const resume = this.#continue
    this.#continue = undefined
    resume?.()
  }
}
