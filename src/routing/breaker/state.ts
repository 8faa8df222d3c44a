import { type OpeningRule, type Outcomes, noOutcomes, record, shouldOpen } from './opening-rule.ts'

/**
 * What a breaker knows of its provider. In words:
 *
 * - `closed`: it answers. Everything is let through, and outcomes are counted. A failure that fulfils the opening rule opens it, and
 *   so does a failure that says that nothing will go well for a while (`rest`).
 * - `paused`: it is well but asked for a pause (429). Nothing is let through until then; afterwards it is what it was before. A
 *   pause is not a failure and is not counted as one.
 * - `open`: it fails. Nothing is let through until the rest is over, which for a usage limit is its reset time.
 * - `half-open`: the rest is over. One request is let through, as a probe, and the breaker is `probing`.
 * - `probing`: the probe runs, and nothing else is let through. It goes well: closed, with nothing counted. It fails: open again.
 *   It ends without a verdict (a pause was asked for, the caller left, the request was wrong): half-open again, for the next one.
 */
export type BreakerState =
  | { type: 'closed'; outcomes: Outcomes }
  | { type: 'paused'; untilMs: number; before: ClosedState | HalfOpenState }
  | { type: 'open'; untilMs: number; sinceMs: number }
  | HalfOpenState
  | { type: 'probing' }

type ClosedState = { type: 'closed'; outcomes: Outcomes }
type HalfOpenState = { type: 'half-open' }

/** What a request that was let through has shown. */
export type Verdict =
  | { type: 'success' }
  | { type: 'failure' }
  | { type: 'pause'; forMs: number }
  | { type: 'rest'; forMs: number }
  | { type: 'none' }

export const closed: ClosedState = { type: 'closed', outcomes: noOutcomes }

/** The state at this time: a pause or a rest may be over. */
export function stateAt(state: BreakerState, nowMs: number): BreakerState {
  if (state.type === 'paused') return nowMs < state.untilMs ? state : state.before
  if (state.type === 'open') return nowMs < state.untilMs ? state : { type: 'half-open' }
  return state
}

/** The state after a verdict of a request that was let through while `closed`. */
export function afterRequest(
  state: BreakerState,
  verdict: Verdict,
  nowMs: number,
  rule: OpeningRule,
): BreakerState {
  // The provider has been judged by others meanwhile; what a request from before says is old.
  if (state.type !== 'closed' && state.type !== 'paused') return state
  switch (verdict.type) {
    case 'none':
      return state
    case 'success':
    case 'failure': {
      if (state.type === 'paused') return state
      const outcomes = record(state.outcomes, verdict.type === 'success', nowMs, rule)
      return verdict.type === 'failure' && shouldOpen(outcomes, rule)
        ? open(nowMs, rule.restMs)
        : { type: 'closed', outcomes }
    }
    case 'pause':
      return pause(state, nowMs + verdict.forMs)
    case 'rest':
      return open(nowMs, verdict.forMs)
  }
}

/** The state after a verdict of the probe. */
export function afterProbe(verdict: Verdict, nowMs: number, rule: OpeningRule): BreakerState {
  switch (verdict.type) {
    case 'success':
      return closed
    case 'failure':
      return open(nowMs, rule.restMs)
    case 'rest':
      return open(nowMs, verdict.forMs)
    case 'pause':
      return pause({ type: 'half-open' }, nowMs + verdict.forMs)
    case 'none':
      return { type: 'half-open' }
  }
}

function open(nowMs: number, forMs: number): BreakerState {
  return { type: 'open', untilMs: nowMs + forMs, sinceMs: nowMs }
}

function pause(state: BreakerState, untilMs: number): BreakerState {
  if (state.type === 'paused') return { ...state, untilMs: Math.max(state.untilMs, untilMs) }
  if (state.type === 'closed' || state.type === 'half-open') {
    return { type: 'paused', untilMs, before: state }
  }
  return state
}
