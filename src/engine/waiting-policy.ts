/** What is known of one way of starting Claude Code (command, arguments, folder and environment). */
export type Demand = {
  key: string
  /** How many turns started this way. */
  uses: number
  /** Milliseconds on any one clock. */
  lastUsed: number
  /** Wanted before it was ever used. */
  pinned: boolean
}

/**
 * How many processes of each kind should wait: a kind that was used twice, or is pinned, gets one, the most recently used
 * first; places left over go to the most recently used.
 */
export function desiredWaiting(places: number, demands: readonly Demand[]): Map<string, number> {
  const wanted = demands
    .filter((demand) => demand.pinned || demand.uses >= 2)
    .toSorted((a, b) => b.lastUsed - a.lastUsed)
  const desired = new Map<string, number>()
  for (const { key } of wanted.slice(0, places)) desired.set(key, 1)
  const first = wanted[0]
  if (first && desired.size < places) desired.set(first.key, 1 + places - desired.size)
  return desired
}
