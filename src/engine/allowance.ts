import type { TurnContext } from '../turn/backend.ts'
import { TurnError } from '../turn/error.ts'
import type { Turn } from '../turn/turn.ts'
import type { Decisions } from './options.ts'

/** Throws `forbidden` when the caller's key may not be answered by this provider. */
export function mustAllow({ allowed }: TurnContext, provider: string): void {
  const providers = allowed?.providers
  if (providers === undefined || providers.includes(provider)) return
  throw new TurnError(
    'forbidden',
    `This API key may be answered by ${providers.join(', ') || 'nobody'} only, and ${provider} is all that this server has.`,
  )
}

/**
 * The turn with what it may cost at the most. Claude Code looks at that between its calls of the model, so a turn that makes only one is never
 * cut: it goes without, and so finds the processes of its like.
 */
export function withinBudget(turn: Turn, decisions: Decisions, { allowed }: TurnContext): Turn {
  const { maxBudgetUsd: own, ...claude } = turn.claude
  const budgets = [own, allowed?.budgetUsd].filter((budget) => budget !== undefined)
  if (budgets.length === 0) return turn
  if (callsModelOnce(turn, decisions)) return { ...turn, claude }
  return { ...turn, claude: { ...claude, maxBudgetUsd: Math.min(...budgets) } }
}

/** A caller's functions end the turn, built-in tools and those of MCP servers go on with it, and so may an answer that must have a form. */
function callsModelOnce({ claude, output }: Turn, { agentic, mcpServers }: Decisions): boolean {
  const hasTools = agentic || Object.keys(mcpServers).length > 0 || claude.agents !== undefined
  return !hasTools && output.type === 'text'
}
