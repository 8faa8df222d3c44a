import type { Config } from './config/config.ts'
import { deferred } from './lib/deferred.ts'
import type { Store } from './storage/store.ts'
import type { Telemetry } from './telemetry/events.ts'

/** The storage of a server that starts: everything is given it before it is open. */
export interface LaterStorage {
  /** Resolves when it is open; rejects when it cannot be. */
  readonly open: Promise<Store>
  /** Undefined until then. */
  readonly now: () => Store | undefined
  /** One of its parts, when it is open. */
  part<Name extends keyof Store>(name: Name): Promise<Store[Name]>
  /** Opens it. */
  start(config: Config['storage'], telemetry: Pick<Telemetry, 'warning'>): Promise<Store>
  /** Gives it up, when it will not be opened any more. */
  fail(error: unknown): void
  close(): Promise<void>
}

export function laterStorage(): LaterStorage {
  const opening = deferred<Store>()
  let store: Store | undefined
  const open = quiet(opening.promise)
  return {
    open,
    now: () => store,
    part: (name) => quiet(open.then((opened) => opened[name])),
    async start(config, telemetry) {
      // It takes time to load, and the server listens meanwhile.
      const { openStore } = await import('./storage/open-store.ts')
      store = await openStore({
        ...config,
        onChange: ({ reason }) => telemetry.warning(reason ?? 'The storage can be used again.'),
      })
      opening.resolve(store)
      return store
    },
    fail: opening.reject,
    close: async () => store?.close(),
  }
}

/** Whoever starts the server hears of a failure, and everybody who waits. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
