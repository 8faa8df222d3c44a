import type { TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { Turn } from '../turn/turn.ts'
import type { TurnSession } from './conversation/turn-session.ts'
import type { ClaudeProcess } from './processes/claude-process.ts'
import type { Plan, Planner } from './planner.ts'
import type { TurnClock } from './processes/turn-clock.ts'

/** One turn's way through the engine. */
export type Course = {
  turn: Turn
  plan: Plan
  profile: string
  session: TurnSession
  /** What must be over before another may go on with the session. */
  stored: Promise<void>[]
  clock: TurnClock
  context: TurnContext
  /** Made once: it may write a transcript. */
  history?: ReturnType<Planner['history']>
  /** The process that was last tried. */
  process?: ClaudeProcess | undefined
  /** Whether anything of an answer has left. */
  hasBegun: boolean
}

/** How many processes are tried for a turn when those that wait turn out to have ended. */
export const attempts = 5

/** How long before another is tried, in milliseconds: whoever ended one has ended others, and their ends are noticed meanwhile. */
export const retryPauseMs = 25

/** Whether the failure is that of a process which was killed while it waited, before anybody noticed; another one can begin anew. */
export function endedWhileWaiting(error: unknown, { process, hasBegun }: Course): boolean {
  const isCrash = error instanceof TurnError && error.code === 'claude_crashed'
  return isCrash && !hasBegun && process?.waited === true && !process.heard
}
