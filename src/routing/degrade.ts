import type { ClaudeOptions } from '../turn/claude-options.ts'
import type { Notice } from '../turn/event.ts'
import type { Turn } from '../turn/turn.ts'

/** A turn for a backend that is not Claude Code: what is left of it, or why it makes no sense there. */
export type Degraded =
  { type: 'possible'; turn: Turn; notices: Notice[] } | { type: 'impossible'; options: string[] }

/**
 * Takes out of a turn what only Claude Code can do. What the answer would be wrong or unsafe without makes the turn impossible; what
 * is a convenience is dropped and disclosed; with `allow_degraded` everything is. Files, pictures and the addition to the system prompt stay: they can go along.
 */
export function degrade(turn: Turn): Degraded {
  const options = needsClaudeCode(turn.claude)
  if (options.length > 0 && !turn.claude.allowDegraded) return { type: 'impossible', options }
  const dropped = conveniences(turn)
  const thinking = lostThinking(turn)
  // Nearly every turn has nothing to take out.
  if (options.length === 0 && dropped.length === 0)
    return { type: 'possible', turn, notices: thinking }
  const { effort, ...rest } = turn
  const claude = options.length > 0 ? withoutPowers(turn.claude) : turn.claude
  const { maxBudgetUsd: _budget, timeoutSeconds: _timeout, ...kept } = claude
  return {
    type: 'possible',
    turn: {
      ...rest,
      ...(effort !== undefined && !dropped.includes('effort') && { effort }),
      claude: { ...kept, debug: false, outputFormat: 'text', includeActivity: false },
    },
    notices: [
      ...[...options, ...dropped].map((name): Notice => ({ type: 'dropped-option', name })),
      ...thinking,
    ],
  }
}

/** Others have no place for what Claude thought, which is sealed for itself. */
function lostThinking({ messages }: Turn): Notice[] {
  const has = messages.some(
    ({ role, content }) =>
      role === 'assistant' &&
      content.some(({ type }) => type === 'reasoning' || type === 'sealed-reasoning'),
  )
  return has ? [{ type: 'remark', text: 'thinking in the messages was left out' }] : []
}

/** The options, by their names in the request, without which the answer is still right. */
function conveniences(turn: Turn): string[] {
  const { claude } = turn
  const names: string[] = []
  if (claude.debug) names.push('debug')
  if (claude.outputFormat !== 'text') names.push('output_format')
  if (hasClaudeEffort(turn)) names.push('effort')
  if (claude.includeActivity) names.push('include_activity')
  if (claude.maxBudgetUsd !== undefined) names.push('max_budget_usd')
  if (claude.timeoutSeconds !== undefined) names.push('timeout_seconds')
  return names
}

/** The options without what only Claude Code can do; the folder stays, in which `files` are looked for. */
function withoutPowers(claude: ClaudeOptions): ClaudeOptions {
  const {
    sessionId: _session,
    mcpConfig: _mcp,
    agents: _agents,
    maxTurns: _turns,
    ...rest
  } = claude
  return {
    ...rest,
    tools: [],
    disallowedTools: [],
    continue: false,
    autoAllowPermissions: false,
    addDirs: [],
    projectSettings: false,
  }
}

/** The options, by their names in the request, whose work nobody but Claude Code can do. */
function needsClaudeCode(claude: ClaudeOptions): string[] {
  const names: string[] = []
  if (claude.tools.length > 0) {
    names.push('tools')
    if (claude.disallowedTools.length > 0) names.push('disallowed_tools')
    if (claude.workingDir !== undefined) names.push('working_dir')
  }
  if (claude.sessionId !== undefined) names.push('session_id')
  if (claude.continue) names.push('continue')
  if (claude.mcpConfig !== undefined) names.push('mcp_config')
  if (claude.autoAllowPermissions) names.push('auto_allow_permissions')
  if (claude.agents !== undefined) names.push('agents')
  if (claude.addDirs.length > 0) names.push('add_dirs')
  if (claude.projectSettings) names.push('project_settings')
  if (claude.maxTurns !== undefined) names.push('max_turns')
  return names
}

/** `effort` in `claude_options` is folded into the turn; the caller's `reasoning_effort` goes out with the body and stays. */
function hasClaudeEffort(turn: Turn): boolean {
  const options = turn.source.body.claude_options
  if (typeof options !== 'object' || options === null || !('effort' in options)) return false
  return options.effort !== undefined && options.effort !== null
}
