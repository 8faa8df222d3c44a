import type { ClaudeOptions } from '../turn/claude-options.ts'
import type { Turn } from '../turn/turn.ts'

/**
 * Whether the answer to a turn is a matter of what was asked alone. It is not when Claude Code may act or look at the world (built-in
 * tools, MCP, agents, files, addresses), when the turn belongs to a session, or when several different answers are asked for.
 */
export function isEligible(turn: Turn): boolean {
  const { n, web_search_options } = turn.source.body
  if (typeof n === 'number' && n > 1) return false
  if (web_search_options !== undefined && web_search_options !== null) return false
  return isOnlyTalk(turn.claude) && !turn.messages.some(namesAnAddress)
}

function isOnlyTalk(claude: ClaudeOptions): boolean {
  return (
    claude.tools.length === 0 &&
    !claude.autoAllowPermissions &&
    claude.sessionId === undefined &&
    !claude.continue &&
    claude.mcpConfig === undefined &&
    claude.agents === undefined &&
    !claude.projectSettings &&
    claude.addDirs.length === 0 &&
    claude.files.length === 0 &&
    claude.images.length === 0 &&
    claude.outputFormat === 'text' &&
    !claude.debug
  )
}

/** What is behind an address may be another picture tomorrow. */
function namesAnAddress({ content }: Turn['messages'][number]): boolean {
  return content.some(
    (part) =>
      part.type === 'image' && part.source.type === 'url' && !part.source.url.startsWith('data:'),
  )
}
