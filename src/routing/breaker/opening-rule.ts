/** When a breaker opens. */
export type OpeningRule = {
  /** So many failures one after another. */
  failures: number
  /** This share of failures, 0 to 1, among at least `atLeast` outcomes of the last `windowMs`. */
  share: number
  atLeast: number
  windowMs: number
  /** How long it rests then. */
  restMs: number
}

/** Counts of a part of the window. */
type Slice = { startMs: number; successes: number; failures: number }

/** What has been counted: a few slices of the window instead of each outcome, so that a busy provider costs no memory. */
export type Outcomes = { consecutiveFailures: number; slices: readonly Slice[] }

export const noOutcomes: Outcomes = { consecutiveFailures: 0, slices: [] }

const slicesInWindow = 6

/** The outcomes with one more; slices that the window has left behind are forgotten. */
export function record(
  outcomes: Outcomes,
  isSuccess: boolean,
  nowMs: number,
  rule: OpeningRule,
): Outcomes {
  const sliceMs = rule.windowMs / slicesInWindow
  const kept = outcomes.slices.filter(({ startMs }) => startMs > nowMs - rule.windowMs)
  const last = kept.at(-1)
  const isCurrent = last !== undefined && nowMs < last.startMs + sliceMs
  const current = isCurrent ? last : { startMs: nowMs, successes: 0, failures: 0 }
  const counted = isSuccess
    ? { ...current, successes: current.successes + 1 }
    : { ...current, failures: current.failures + 1 }
  return {
    consecutiveFailures: isSuccess ? 0 : outcomes.consecutiveFailures + 1,
    slices: [...(isCurrent ? kept.slice(0, -1) : kept), counted],
  }
}

/** By count, which is quick where there is little traffic, or by rate, which sees a provider that fails every second time. */
export function shouldOpen(outcomes: Outcomes, rule: OpeningRule): boolean {
  if (outcomes.consecutiveFailures >= rule.failures) return true
  const failures = outcomes.slices.reduce((sum, slice) => sum + slice.failures, 0)
  const total = outcomes.slices.reduce((sum, slice) => sum + slice.successes, failures)
  return total >= rule.atLeast && failures >= total * rule.share
}
