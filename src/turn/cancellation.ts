import { EventEmitter } from 'node:events'

/**
 * Says once that something is to end, and why. As an `AbortController` with its signal, which cost much more, and every request would
 * pay for them: undici takes an emitter of `abort` in place of a signal, and `signal` is made for whoever takes nothing else.
 */
export class Cancellation extends EventEmitter {
  aborted = false
  reason: unknown
  #controller: AbortController | undefined

  constructor() {
    super()
    // Each of many choices may listen to their one caller.
    this.setMaxListeners(0)
  }

  /** Aborts when this does, with the same reason. */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal
    const controller = new AbortController()
    this.#controller = controller
    if (this.aborted) controller.abort(this.reason)
    return controller.signal
  }

  /** Only the first time counts. */
  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    // First: those who listen here may throw.
    this.#controller?.abort(reason)
    this.emit('abort')
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }
}
