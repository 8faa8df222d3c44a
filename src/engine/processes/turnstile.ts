import { TurnError } from '../../turn/error.ts'

export type TurnstileOptions = {
  /** How many turns run at once. */
  places: number
  /** How many more may wait for a place. */
  queuePlaces: number
  /** How long one may wait, in milliseconds. */
  patienceMs: number
}

export type TurnstileState = { running: number; limit: number; queued: number }

type Visitor = { owner: string; isOneOfMany: boolean }

type Waiter = Visitor & { admit: () => void; refuse: (error: TurnError) => void }

/** How long a turn takes until one has ended, in milliseconds. */
const guessMs = 5_000

/**
 * Lets so many turns run at once and has the others wait, in a bounded queue that is fair to callers: a free place goes to the caller
 * with the fewest running turns, of equals to the one who has been served longest ago, and to work that is one of many when nobody else
 * waits. Where the queue is full, the caller with the most in it goes without: a flood delays and refuses only itself.
 */
export class Turnstile {
  readonly #options: TurnstileOptions
  /** Callers that wait, the one that was served longest ago first. */
  readonly #queues = new Map<string, Waiter[]>()
  readonly #running = new Map<string, number>()
  #runningTurns = 0
  #meanMs = guessMs

  constructor(options: TurnstileOptions) {
    this.#options = options
  }

  get state(): TurnstileState {
    return { running: this.#runningTurns, limit: this.#options.places, queued: this.#queued() }
  }

  /**
   * Resolves when a turn may run, to what must be called when it has ended. Throws `server_busy` when the queue is full or the wait too
   * long, and the signal's reason when the caller has left.
   */
  async enter(visitor: Visitor, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#runningTurns >= this.#options.places) await this.#wait(visitor, signal)
    else this.#begin(visitor.owner)
    const begun = performance.now()
    let hasLeft = false
    return () => {
      if (hasLeft) return
      hasLeft = true
      // A moving mean, so that what is told of the wait follows the load.
      this.#meanMs += (performance.now() - begun - this.#meanMs) / 8
      this.#end(visitor.owner)
    }
  }

  async #wait(visitor: Visitor, signal: AbortSignal): Promise<void> {
    this.#makeRoom(visitor)
    let timer: NodeJS.Timeout | undefined
    let leave: (() => void) | undefined
    try {
      await new Promise<void>((admit, reject) => {
        // Out of the queue at once: a place that becomes free before the promise is settled must not be given to nobody.
        const refuse = (error: unknown): void => {
          this.#remove(waiter)
          reject(error)
        }
        const waiter: Waiter = { ...visitor, admit, refuse }
        this.#queue(visitor.owner).push(waiter)
        timer = setTimeout(() => refuse(this.#busy('late')), this.#options.patienceMs)
        leave = () => refuse(signal.reason)
        signal.addEventListener('abort', leave, { once: true })
      })
    } finally {
      clearTimeout(timer)
      if (leave) signal.removeEventListener('abort', leave)
    }
  }

  /** Finds a place in the queue, for which the newest of the caller with the most in it may have to go. */
  #makeRoom({ owner }: Visitor): void {
    if (this.#queued() < this.#options.queuePlaces) return
    const mine = this.#queues.get(owner)?.length ?? 0
    const [longest] = [...this.#queues.values()].toSorted((a, b) => b.length - a.length)
    if (!longest || longest.length <= mine + 1) throw this.#busy('full')
    longest.at(-1)?.refuse(this.#busy('full'))
  }

  #begin(owner: string): void {
    this.#runningTurns++
    this.#running.set(owner, this.#runningOf(owner) + 1)
  }

  #end(owner: string): void {
    this.#runningTurns--
    const left = this.#runningOf(owner) - 1
    if (left > 0) this.#running.set(owner, left)
    else this.#running.delete(owner)
    this.#admitNext()
  }

  #admitNext(): void {
    if (this.#runningTurns >= this.#options.places) return
    const next = this.#next()
    if (!next) return
    this.#remove(next)
    const rest = this.#queues.get(next.owner)
    // Behind the others that wait.
    if (rest) {
      this.#queues.delete(next.owner)
      this.#queues.set(next.owner, rest)
    }
    // The place is taken at once; whoever comes before the waiter has noticed finds it so.
    this.#begin(next.owner)
    next.admit()
  }

  #next(): Waiter | undefined {
    const firsts = [...this.#queues.values()].flatMap((queue) => {
      const first = queue.find(({ isOneOfMany }) => !isOneOfMany) ?? queue[0]
      return first ? [first] : []
    })
    const rank = ({ owner, isOneOfMany }: Waiter): number =>
      (isOneOfMany ? 1e9 : 0) + this.#runningOf(owner)
    return firsts.toSorted((a, b) => rank(a) - rank(b))[0]
  }

  #remove(waiter: Waiter): void {
    const queue = this.#queues.get(waiter.owner)
    const index = queue?.indexOf(waiter) ?? -1
    if (index >= 0) queue?.splice(index, 1)
    if (queue?.length === 0) this.#queues.delete(waiter.owner)
  }

  #queue(owner: string): Waiter[] {
    const queue = this.#queues.get(owner) ?? []
    this.#queues.set(owner, queue)
    return queue
  }

  #queued(): number {
    let queued = 0
    for (const queue of this.#queues.values()) queued += queue.length
    return queued
  }

  #runningOf(owner: string): number {
    return this.#running.get(owner) ?? 0
  }

  /** With the time after which as many turns will have ended as wait now, at the pace of the last ones. */
  #busy(why: 'full' | 'late'): TurnError {
    const { places } = this.#options
    const retryAfterMs = Math.max(1_000, (this.#meanMs * (this.#queued() + 1)) / places)
    const text =
      why === 'full'
        ? `${places} turns run on this server, and its queue is full. Retry later; its owner can raise MAX_TURNS or QUEUE_PLACES.`
        : `No place became free within ${this.#options.patienceMs / 1000} s (QUEUE_TIMEOUT_SECONDS). Retry later.`
    return new TurnError('server_busy', text, { retryAfterMs })
  }
}
