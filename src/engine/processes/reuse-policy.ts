import type { Turn } from '../../turn/turn.ts'
import type { Decisions } from '../options.ts'
import { canWriteTranscript } from '../conversation/transcript.ts'

/** When a process may begin another conversation: never, for turns that say they are some of many, or for all. */
export type ReuseMode = 'never' | 'batch' | 'always'

export type ReuseOptions = {
  mode: ReuseMode
  /** How many conversations one process may have. */
  conversations: number
}

/** So many conversations of one profile keep their process before another one takes the place of the oldest. */
export const keptBeforeReuse = 4

/**
 * Whether a turn leaves nothing in its process but a conversation, which can be forgotten: no tool ran, none could have, and nothing was
 * read that may change.
 */
export function isReusable(turn: Turn, decisions: Decisions): boolean {
  const { claude, output } = turn
  const ranNothing =
    !decisions.agentic &&
    !decisions.clientTools.any &&
    Object.keys(decisions.mcpServers).length === 0 &&
    claude.agents === undefined
  const isNew = decisions.resume === undefined && decisions.composed === undefined
  const isPlain =
    output.type === 'text' &&
    !claude.projectSettings &&
    claude.maxTurns === undefined &&
    claude.maxBudgetUsd === undefined &&
    decisions.debugLog === undefined
  return ranNothing && isNew && isPlain && canWriteTranscript(decisions.folder)
}

/** What there is of one profile, and of all together. */
export type Supply = {
  /** Processes of the profile whose conversation nobody asks at the moment. */
  spare: number
  /** Its processes that answer a turn. */
  busy: number
  /** Processes that wait, started ahead, for any profile. */
  waiting: number
}

/** Whether this turn may take the process of another conversation, which then has none. */
export function takesSpare(
  { mode }: ReuseOptions,
  turn: Pick<Turn, 'isOneOfMany'>,
  { spare, busy, waiting }: Supply,
): boolean {
  if (spare === 0 || !allows(mode, turn)) return false
  return spare + busy >= keptBeforeReuse || waiting === 0
}

/**
 * Whether a process should be made ready for the next conversation of this kind. Not while others of the kind are answered: the next
 * question would find it busy, and start one more.
 */
export function makesReady(
  { mode }: ReuseOptions,
  turn: Pick<Turn, 'isOneOfMany'>,
  { spare, busy }: Pick<Supply, 'spare' | 'busy'>,
): boolean {
  return allows(mode, turn) && spare >= keptBeforeReuse && busy === 0
}

function allows(mode: ReuseMode, { isOneOfMany }: Pick<Turn, 'isOneOfMany'>): boolean {
  switch (mode) {
    case 'never':
      return false
    case 'batch':
      return isOneOfMany
    case 'always':
      return true
  }
}
