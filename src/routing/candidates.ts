import type { Notice } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'
import { degrade } from './degrade.ts'
import { inabilities, type Provider } from './provider.ts'

/** A provider with what it is given of the turn. */
export type Candidate = { provider: Provider; turn: Turn; notices: Notice[] }

/** Who can be asked, in order, and why the others cannot. */
export type Candidates = {
  possible: Candidate[]
  /** The `claude_options` for which other APIs are not asked. */
  needsClaudeCode: string[]
  /** What providers lack: `backup: tools`. */
  unable: string[]
}

export function candidatesFor(turn: Turn, providers: readonly Provider[]): Candidates {
  const found: Candidates = { possible: [], needsClaudeCode: [], unable: [] }
  for (const provider of providers) {
    const lacks = inabilities(turn, provider)
    if (lacks.length > 0) {
      found.unable.push(`${provider.backend.name}: ${lacks.join(' and ')}`)
      continue
    }
    if (provider.isClaudeCode) {
      found.possible.push({ provider, turn, notices: [] })
      continue
    }
    const fit = degrade(turn)
    // A turn needs the same of it whoever else is asked.
    if (fit.type === 'impossible') found.needsClaudeCode = fit.options
    else found.possible.push({ provider, turn: fit.turn, notices: fit.notices })
  }
  return found
}
