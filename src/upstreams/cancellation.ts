import { EventEmitter } from 'node:events'

/**
 * Says once that a call is to end, and why. It stands where undici takes an `AbortSignal`: undici takes an emitter of `abort` as well, and
 * one of those costs a tenth of a signal, which every call would pay for.
 */
export class Cancellation extends EventEmitter {
  aborted = false
  reason: unknown

  abort(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    this.emit('abort')
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }
}
