/** What one turn took, in milliseconds from its start. */
export type Sample = { firstTokenMs: number; totalMs: number }

/** Of many numbers: the middle, and where the worst begin. */
export type Spread = { p50: number; p95: number; p99: number; least: number; most: number }

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), least: at(0), most: at(1) }
}

/** As many turns as there are, so many at once: how many a second. */
export async function perSecond(
  concurrency: number,
  turns: number,
  run: (worker: number) => Promise<unknown>,
): Promise<number> {
  const begin = performance.now()
  let left = turns
  const work = async (_: unknown, worker: number) => {
    while (left-- > 0) await run(worker)
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return (turns / (performance.now() - begin)) * 1_000
}
