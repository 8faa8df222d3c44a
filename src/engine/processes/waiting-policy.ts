/** What is known of one way of starting Claude Code (command, arguments, folder and environment). */
export type Demand = {
  key: string
  /** When turns were started this way lately, in milliseconds on the clock that `now` is on; the newest last. */
  starts: readonly number[]
  /** Wanted before it was ever used. */
  pinned: boolean
}

export type WaitingLimits = {
  /** So many wait whenever anything is known to wait for. */
  floor: number
  /** Never more than so many. */
  ceiling: number
}

/** How far back demand counts, in milliseconds. */
export const demandMs = 10_000

/** How long a process takes from its start until it waits, in milliseconds, on a machine that has other work. */
const startMs = 1_000

/**
 * How many processes of each kind should wait. A kind that was used twice, or is pinned, gets one, the most recently used first; a kind
 * that is asked for often gets as many more as turns begin while one starts. Below the floor the most recent kind gets the rest; without
 * memory to spare nothing goes beyond it.
 */
export function desiredWaiting(
  { floor, ceiling }: WaitingLimits,
  demands: readonly Demand[],
  at: { now: number; isShortOfMemory: boolean },
): Map<string, number> {
  const places = at.isShortOfMemory ? Math.min(floor, ceiling) : ceiling
  const wanted = demands
    .filter(({ pinned, starts }) => pinned || starts.length >= 2)
    .toSorted((a, b) => lastOf(b) - lastOf(a))
  const desired = new Map<string, number>()
  let left = places
  const give = (key: string, count: number): void => {
    const given = Math.min(count, left)
    if (given <= 0) return
    desired.set(key, (desired.get(key) ?? 0) + given)
    left -= given
  }
  for (const { key } of wanted) give(key, 1)
  for (const demand of wanted) give(demand.key, rateOf(demand, at.now))
  const [latest] = wanted
  if (latest) give(latest.key, floor - (places - left))
  return desired
}

/** How many turns begin while a process starts. */
function rateOf({ starts }: Demand, now: number): number {
  const lately = starts.filter((start) => now - start < demandMs).length
  // One of them is served by the process that waits anyway.
  return Math.ceil((lately * startMs) / demandMs) - 1
}

function lastOf({ starts }: Demand): number {
  return starts.at(-1) ?? 0
}

/** How long to leave a kind alone whose processes have died while they waited, so many times in a row; in milliseconds. */
export function backOffMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(60_000, 500 * 2 ** Math.min(failures, 10))
}
