import type { TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { Turn } from '../turn/turn.ts'

/** Throws `forbidden` when the caller's key may not be answered by this provider. */
export function mustAllow({ allowed }: TurnContext, provider: string): void {
  const providers = allowed?.providers
  if (providers === undefined || providers.includes(provider)) return
  throw new TurnError(
    'forbidden',
    `This API key may be answered by ${providers.join(', ') || 'nobody'} only, and ${provider} is all that this server has.`,
  )
}

/** The turn with what it may cost at the most. */
export function withinBudget(turn: Turn, { allowed }: TurnContext): Turn {
  const budget = allowed?.budgetUsd
  if (budget === undefined) return turn
  const maxBudgetUsd = Math.min(turn.claude.maxBudgetUsd ?? Infinity, budget)
  return { ...turn, claude: { ...turn.claude, maxBudgetUsd } }
}
