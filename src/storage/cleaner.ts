import { randomUUID } from 'node:crypto'
import { isUnavailable } from './failures.ts'
import type { Leases } from './parts/leases.ts'

/** Background work that one node does for all: removing what is too old, say. */
export type CleaningJob = {
  name: string
  everyMs: number
  /** In small steps, so that requests do not wait; may throw. */
  run(): Promise<void>
}

export type CleanerOptions = {
  /** Undefined until the storage is open. */
  leases: () => Leases | undefined
  /** Told what a job threw, unless the storage is away, of which it tells itself. */
  onFault: (error: unknown) => void
}

/**
 * Does each job once in its time, on whichever node takes the lease for it first. A node that ends loses its leases with their time; the job is then
 * another's.
 */
export class Cleaner {
  readonly #options: CleanerOptions
  readonly #node = randomUUID()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #running = new Set<Promise<void>>()

  constructor(options: CleanerOptions) {
    this.#options = options
  }

  add(job: CleaningJob): void {
    let isRunning = false
    const timer = setInterval(() => {
      if (isRunning) {
        // What takes longer than its lease stays this node's.
        this.#keep(this.#isOurs(job))
        return
      }
      isRunning = true
      const once = async (): Promise<void> => {
        if (await this.#isOurs(job)) await job.run()
      }
      this.#keep(once().finally(() => (isRunning = false)))
    }, job.everyMs)
    this.#timers.add(timer.unref())
  }

  /** Does no more, and waits for what runs. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.allSettled(this.#running)
  }

  #keep(work: Promise<unknown>): void {
    const running = work
      .catch((error: unknown) => {
        if (!isUnavailable(error)) this.#options.onFault(error)
      })
      .then(() => void this.#running.delete(running))
    this.#running.add(running)
  }

  async #isOurs({ name, everyMs }: CleaningJob): Promise<boolean> {
    // Longer than the time between two, so that the node that has it keeps it.
    const acquired = this.#options.leases()?.acquire(`clean ${name}`, this.#node, everyMs * 2)
    return (await acquired) === true
  }
}
