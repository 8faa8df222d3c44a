/** What one turn took, in milliseconds from its start. */
export type Sample = { firstTokenMs: number; totalMs: number }

export type Measurement = { firstTokenMs: { p50: number; p95: number }; perSecond: number }

/** Turns one after another, with a pause between them in which nothing is measured. */
export async function measureInTurn(
  turns: number,
  run: () => Promise<Sample>,
  pauseMs = 0,
): Promise<Measurement> {
  const samples: Sample[] = []
  for (let turn = 0; turn < turns; turn++) {
    samples.push(await run())
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  const busy = samples.reduce((sum, { totalMs }) => sum + totalMs, 0)
  return { ...summary(samples), perSecond: (turns / busy) * 1000 }
}

/** As many turns as there are, so many at once. */
export async function measureThroughput(
  concurrency: number,
  turns: number,
  run: () => Promise<Sample>,
): Promise<Measurement> {
  const samples: Sample[] = []
  const begin = performance.now()
  let left = turns
  const worker = async () => {
    while (left-- > 0) samples.push(await run())
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return { ...summary(samples), perSecond: (turns / (performance.now() - begin)) * 1000 }
}

function summary(samples: Sample[]): Pick<Measurement, 'firstTokenMs'> {
  const sorted = samples.map(({ firstTokenMs }) => firstTokenMs).toSorted((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { firstTokenMs: { p50: at(0.5), p95: at(0.95) } }
}
