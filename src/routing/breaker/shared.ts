import type { Breakers, SavedBreaker } from '../../storage/parts/breakers.ts'
import type { Breaker, BreakerReport } from './breaker.ts'

export type SharingOptions = {
  breakers: ReadonlyMap<string, Breaker>
  saved: Breakers
  /** Unix time in milliseconds. */
  now: () => number
  /** How often to look what other nodes have seen; absent: there are none. */
  refreshMs?: number
}

/** The breakers' states in storage: as they were before a restart, and as other nodes see them. */
export interface SharedBreakers extends Disposable {
  /** Keeps a change that this node saw. */
  changed(provider: string, report: BreakerReport): void
  /** Takes over what storage knows and is news. */
  refresh(): Promise<void>
}

/** For `storage_unavailable`, of which the storage itself tells. */
const quietly = (): void => {}

/**
 * Shares breakers through storage. Nothing waits for it, and nothing fails with it: without storage each node judges for itself, as it would
 * without others.
 */
export function shareBreakers(options: SharingOptions): SharedBreakers {
  const { breakers, saved, now, refreshMs } = options
  /** When each provider changed last, as far as is known here. */
  const known = new Map<string, number>()
  async function refresh(): Promise<void> {
    for (const change of await saved.load()) adopt(change)
  }

  function adopt({ provider, state, untilMs, code, changedMs }: SavedBreaker): void {
    if (changedMs <= (known.get(provider) ?? 0)) return
    known.set(provider, changedMs)
    breakers.get(provider)?.adopt({ state, untilMs: untilMs ?? 0, code })
  }

  const timer =
    refreshMs === undefined
      ? undefined
      : setInterval(() => void refresh().catch(quietly), refreshMs)
  timer?.unref()
  return {
    changed(provider, { state, untilMs, code }) {
      if (state !== 'closed' && state !== 'open' && state !== 'paused') return
      const changedMs = Math.max(now(), (known.get(provider) ?? 0) + 1)
      known.set(provider, changedMs)
      const change: SavedBreaker = { provider, state, changedMs }
      if (untilMs !== undefined) change.untilMs = untilMs
      if (code !== undefined) change.code = code
      saved.save(change).catch(quietly)
    },
    refresh: () => refresh().catch(quietly),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
