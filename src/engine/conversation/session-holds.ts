import { setTimeout as sleep } from 'node:timers/promises'
import { deferred } from '../../lib/deferred.ts'
import { TurnError } from '../../turn/error.ts'
import { isStorageAway, type Leases } from './sessions.ts'

/** How long to wait for a session that answers another request; 0: not at all. */
export type Patience = { patienceMs: number; signal: AbortSignal; param: string }

export type SessionHoldsOptions = {
  /** Absent where this node is the only one. */
  leases?: Leases
  onFault: (error: unknown) => void
}

/** A session that answers one request. */
export interface Hold {
  /** Whether another had it before. */
  readonly waited: boolean
  /** The next may have it: at once, or after something that never fails. */
  release(after?: Promise<unknown>): void
}

/**
 * Who answers in a session: one request at a time, over all nodes, so that no transcript is ever written by two. Those that wait get it in
 * the order in which they came to their node. A node that dies loses what it held after a while.
 */
export class SessionHolds {
  readonly #options: SessionHoldsOptions
  readonly #node = crypto.randomUUID()
  /** Those that wait, by session; a session that is not here is free. */
  readonly #waiting = new Map<string, (() => void)[]>()
  /** Sessions that have answered and are let go in a moment. */
  readonly #ending = new Map<string, Promise<void>>()

  constructor(options: SessionHoldsOptions) {
    this.#options = options
  }

  isHeld(id: string): boolean {
    return this.#waiting.has(id)
  }

  /**
   * Waits for it; what an answer that has ended has still to store is waited for without any patience. Throws `session_busy` when the
   * patience is over, and the signal's reason.
   */
  async hold(id: string, patience: Patience): Promise<Hold> {
    const deadline = performance.now() + patience.patienceMs
    const ending = this.#ending.get(id)
    if (ending !== undefined) await ending
    const waited = await this.#enter(id, patience)
    try {
      const wasTaken = await this.#lease(id, patience, deadline)
      return this.#held(id, ending !== undefined || waited || wasTaken)
    } catch (error) {
      this.#leave(id)
      throw error
    }
  }

  /** Takes one that nobody else on this node has, and that no other node knows yet or minds: a new one, say. */
  take(id: string): Hold | undefined {
    if (this.#waiting.has(id)) return undefined
    this.#waiting.set(id, [])
    return this.#held(id, false, this.#renew(id))
  }

  /** The same, of one that may have answered just now: what it has still to store is waited for, another answer is not. */
  async takeNext(id: string): Promise<Hold | undefined> {
    await this.#ending.get(id)
    return this.take(id)
  }

  async #enter(id: string, { patienceMs, signal, param }: Patience): Promise<boolean> {
    signal.throwIfAborted()
    const queue = this.#waiting.get(id)
    if (queue === undefined) {
      this.#waiting.set(id, [])
      return false
    }
    if (patienceMs === 0) throw busy(id, param)
    const stop = new AbortController()
    const entered = deferred<'in'>()
    const enter = (): void => entered.resolve('in')
    queue.push(enter)
    const either = AbortSignal.any([signal, stop.signal])
    const late = sleep(patienceMs, 'late' as const, { signal: either })
    try {
      if ((await Promise.race([entered.promise, late])) === 'in') return true
      throw busy(id, param)
    } catch (error) {
      const place = queue.indexOf(enter)
      if (place >= 0) queue.splice(place, 1)
      // It was given in the same moment.
      else this.#leave(id)
      throw signal.aborted ? signal.reason : error
    } finally {
      stop.abort()
      late.catch(() => {})
    }
  }

  /** The next that waits has it. */
  #leave(id: string): void {
    const next = this.#waiting.get(id)?.shift()
    if (next) next()
    else this.#waiting.delete(id)
  }

  /** Whether another node had it. */
  async #lease(id: string, { patienceMs, signal, param }: Patience, deadline: number) {
    const { leases } = this.#options
    if (leases === undefined) return false
    for (let looks = 0; ; looks++) {
      signal.throwIfAborted()
      if (await leases.acquire(nameOf(id), this.#node, leaseMs)) return looks > 0
      if (patienceMs === 0 || performance.now() >= deadline) throw busy(id, param)
      await sleep(Math.min(longestLookMs, firstLookMs * 2 ** looks))
    }
  }

  #held(id: string, waited: boolean, renewing: Promise<void> = Promise.resolve()): Hold {
    const { leases } = this.#options
    const timer = leases && setInterval(() => void this.#renew(id), leaseMs / renewals).unref()
    let isOver = false
    return {
      waited,
      release: (after) => {
        if (isOver) return
        isOver = true
        const end = (): void | Promise<void> => {
          clearInterval(timer)
          if (leases === undefined) this.#leave(id)
          else return renewing.then(() => this.#free(leases, id))
        }
        if (after === undefined) void end()
        else this.#endsWith(id, after.then(end))
      },
    }
  }

  #endsWith(id: string, end: Promise<void>): void {
    const ending = end.finally(() => {
      // Whoever had it next may have answered by now.
      if (this.#ending.get(id) === ending) this.#ending.delete(id)
    })
    this.#ending.set(id, ending)
  }

  async #renew(id: string): Promise<void> {
    try {
      await this.#options.leases?.acquire(nameOf(id), this.#node, leaseMs)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** The next on this node has it at once; another node, when none is left here. */
  async #free(leases: Leases, id: string): Promise<void> {
    try {
      if ((this.#waiting.get(id)?.length ?? 0) === 0) await leases.release(nameOf(id), this.#node)
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#leave(id)
    }
  }

  #failed(error: unknown): void {
    // The storage tells of that itself, and a lease that is not renewed ends.
    if (!isStorageAway(error)) this.#options.onFault(error)
  }
}

const leaseMs = 15_000
const renewals = 5
const firstLookMs = 25
const longestLookMs = 500

function nameOf(id: string): string {
  return `session ${id}`
}

function busy(id: string, param: string): TurnError {
  return new TurnError(
    'session_busy',
    `The session '${id}' is answering another request. Wait for the answer, or stop it, and try again.`,
    { param },
  )
}
