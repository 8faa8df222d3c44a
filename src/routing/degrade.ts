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
  const { effort, ...rest } = turn
  const isClaudeEffort = hasClaudeEffort(turn)
  const claude = options.length > 0 ? withoutPowers(turn.claude) : turn.claude
  const { maxBudgetUsd, timeoutSeconds, ...kept } = claude
  const dropped: Record<string, boolean> = {
    debug: claude.debug,
    output_format: claude.outputFormat !== 'text',
    effort: isClaudeEffort,
    include_activity: claude.includeActivity,
    max_budget_usd: maxBudgetUsd !== undefined,
    timeout_seconds: timeoutSeconds !== undefined,
  }
  return {
    type: 'possible',
    turn: {
      ...rest,
      ...(effort !== undefined && !isClaudeEffort && { effort }),
      claude: { ...kept, debug: false, outputFormat: 'text', includeActivity: false },
    },
    notices: [...options, ...trueNames(dropped)].map((name) => ({ type: 'dropped-option', name })),
  }
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
  const hasTools = claude.tools.length > 0
  return trueNames({
    tools: hasTools,
    disallowed_tools: hasTools && claude.disallowedTools.length > 0,
    working_dir: hasTools && claude.workingDir !== undefined,
    session_id: claude.sessionId !== undefined,
    continue: claude.continue,
    mcp_config: claude.mcpConfig !== undefined,
    auto_allow_permissions: claude.autoAllowPermissions,
    agents: claude.agents !== undefined,
    add_dirs: claude.addDirs.length > 0,
    project_settings: claude.projectSettings,
    max_turns: claude.maxTurns !== undefined,
  })
}

/** `effort` in `claude_options` is folded into the turn; the caller's `reasoning_effort` goes out with the body and stays. */
function hasClaudeEffort(turn: Turn): boolean {
  const options = turn.source.body.claude_options
  if (typeof options !== 'object' || options === null || !('effort' in options)) return false
  return options.effort !== undefined && options.effort !== null
}

function trueNames(names: Readonly<Record<string, boolean>>): string[] {
  return Object.keys(names).filter((name) => names[name])
}
