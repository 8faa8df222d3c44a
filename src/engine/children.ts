import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Telemetry } from '../telemetry/events.ts'
import { Reaper } from './reaper.ts'

/** The processes that were started and have not ended, watched so that none outlives the server. */
export class Children {
  readonly #telemetry: Telemetry
  readonly #reaper = new Reaper()
  readonly #running = new Set<ChildProcess>()

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry
  }

  watch(child: ChildProcess): void {
    const { pid } = child
    if (pid === undefined) return
    this.#reaper.watch(child)
    this.#running.add(child)
    this.#telemetry.processStarted({ pid })
    child.once('exit', (exitCode, signal) => {
      this.#running.delete(child)
      this.#telemetry.processEnded({ pid, exitCode, ...(signal && { signal }) })
    })
  }

  /** Waits until all have ended; who told them to is not asked. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((child) => once(child, 'exit')))
    this.#reaper.close()
  }
}
