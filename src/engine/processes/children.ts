import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Telemetry } from '../../telemetry/events.ts'
import { endMarked } from './orphans.ts'
import { Reaper } from './reaper.ts'

/** The processes that were started and have not ended, watched so that none outlives the server. */
export class Children {
  readonly #telemetry: Telemetry
  readonly #reaper = new Reaper()
  readonly #running = new Set<ChildProcess>()
  /** What ends the commands of those that could not do so themselves. */
  readonly #cleaning = new Set<Promise<void>>()

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry
  }

  /** `mark` is in the environment of every command that the process runs. */
  watch(child: ChildProcess, mark: string): void {
    const { pid } = child
    if (pid === undefined) return
    this.#reaper.watch(child)
    this.#running.add(child)
    this.#telemetry.processStarted({ pid })
    child.once('exit', (exitCode, signal) => {
      this.#running.delete(child)
      this.#telemetry.processEnded({ pid, exitCode, ...(signal && { signal }) })
      if (exitCode !== 0) this.#clean(mark)
    })
  }

  /** Waits until all have ended; who told them to is not asked. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((child) => once(child, 'exit')))
    await Promise.all(this.#cleaning)
    this.#reaper.close()
  }

  #clean(mark: string): void {
    const cleaning = endMarked(mark).finally(() => this.#cleaning.delete(cleaning))
    this.#cleaning.add(cleaning)
  }
}
