import type { EffortLevel, McpServerConfig, Options } from '@anthropic-ai/claude-agent-sdk'
import type { Effort, Turn } from '../turn/turn.ts'
import type { CallBound } from './permissions/call-bound.ts'
import type { LateSettings } from './processes/claude-process.ts'
import type { ClientTools } from './tools/client-tools.ts'
import type { SchemaCheck } from './schema/schema-check.ts'
import { answerSchema } from './schema/structured-output.ts'

/** What was decided about a turn before its process is chosen. */
export type Decisions = {
  /** The binary. */
  claude: string
  environment: Record<string, string>
  /** The working folder, links resolved. */
  folder: string
  /** The model for Claude Code; absent: its own default. */
  model?: string
  /** Its full name, where the CLI tells it. */
  fullModel?: string
  /** Whether the model can be set on a waiting process without asking the API whether it exists. */
  modelListed: boolean
  /** Whether the session is kept. */
  isKept: boolean
  /** The session to resume. */
  resume?: string
  /** A session whose transcript was composed from the request's own history. */
  composed?: string
  debugLog?: string
  mcpServers: Record<string, McpServerConfig>
  /** What the permission plan says to the SDK. */
  permissions: Partial<Options>
  /** Built-in tools may run. */
  agentic: boolean
  /** How often they may. */
  bound?: CallBound
  /** The caller's own tools. */
  clientTools: ClientTools
  /** Holds a structured answer to the caller's schema. */
  check?: SchemaCheck
}

/** Options of every process alike, so that as many turns as possible find a waiting one. */
const common = {
  includePartialMessages: true,
  strictMcpConfig: true,
  // Secrets of MCP servers stay off the command line.
  mcpServersDelivery: 'initialize',
  permissionMode: 'default',
  // Asks for thinking as text; without it most models send none.
  thinking: { type: 'adaptive', display: 'summarized' },
} as const satisfies Options

/** A turn as SDK options. Pure; what can be set on a waiting process is in `lateSettings`. */
export function processOptions(turn: Turn, decisions: Decisions): Options {
  const { claude } = turn
  const session = decisions.resume ?? decisions.composed
  const schema = answerSchema(turn.output)
  return {
    ...common,
    pathToClaudeCodeExecutable: decisions.claude,
    cwd: decisions.folder,
    env: environmentOf(decisions),
    settingSources: claude.projectSettings ? ['project'] : [],
    tools: [],
    ...decisions.permissions,
    ...systemPrompt(turn, decisions),
    ...mcpServers(decisions),
    ...(schema && { outputFormat: { type: 'json_schema', schema } }),
    ...(decisions.model !== undefined && !isModelLate(decisions) && { model: decisions.model }),
    ...(session !== undefined && { resume: session }),
    ...(decisions.debugLog !== undefined && { debugFile: decisions.debugLog }),
    ...(claude.maxTurns !== undefined && { maxTurns: claude.maxTurns }),
    ...(claude.maxBudgetUsd !== undefined && { maxBudgetUsd: claude.maxBudgetUsd }),
    ...(claude.agents && { agents: claude.agents }),
  }
}

export function lateSettings(turn: Turn, decisions: Decisions): LateSettings {
  const effort = turn.effort && effortOf[turn.effort]
  return {
    noThinking: turn.effort === 'none' || turn.thinking === 'off',
    ...(decisions.model !== undefined && isModelLate(decisions) && { model: decisions.model }),
    ...(effort && { effort }),
    ...(turn.limits.maxOutputTokens !== undefined && {
      maxOutputTokens: turn.limits.maxOutputTokens,
    }),
    ...(hasNamesake(decisions, 'Bash') && { noAttribution: true }),
    ...(decisions.clientTools.any &&
      !turn.parallelToolCalls && { extraBody: oneToolCall(decisions.environment) }),
  }
}

/** A session that goes on would get a message of its own about the change of model, so there it is said at the start. */
function isModelLate({ modelListed, resume, composed }: Decisions): boolean {
  return modelListed && resume === undefined && composed === undefined
}

/** An answer may call at most one tool; what the owner adds to each API request stays. */
function oneToolCall(environment: Readonly<Record<string, string>>): Record<string, unknown> {
  return {
    ...parseObject(environment['CLAUDE_CODE_EXTRA_BODY']),
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
  }
}

function parseObject(text: string | undefined): Record<string, unknown> {
  try {
    return { ...Object(JSON.parse(text ?? '{}')) }
  } catch {
    // Claude Code itself makes nothing of a text that is not JSON.
    return {}
  }
}

/** OpenAI's scale has two steps below Claude Code's. */
const effortOf: Record<Effort, EffortLevel> = {
  none: 'low',
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
}

/** Without tools a conversation is the caller's alone: too long is an error and never a summary made in silence. */
function environmentOf(decisions: Decisions): Record<string, string> {
  const { environment, agentic, resume } = decisions
  return {
    ...environment,
    ...(!agentic && resume === undefined && { DISABLE_AUTO_COMPACT: '1' }),
    ...(hasNamesake(decisions, 'Agent') && { CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS: '1' }),
  }
}

/**
 * Whether a tool of the caller's has the name of one of Claude Code's own, which then tells the model what goes with its own: how commits
 * are signed, which agents there are. A caller that has such tools, Claude Code itself above all, says that itself.
 */
function hasNamesake({ agentic, clientTools }: Decisions, name: string): boolean {
  return !agentic && clientTools.kindOf(name) !== undefined
}

/**
 * With built-in tools Claude Code's own prompt with the caller's text at its end; without, the caller's text alone. A session
 * keeps the prompt that it began with, unless the caller sends one now.
 */
function systemPrompt(
  turn: Turn,
  { agentic, resume, clientTools }: Decisions,
): Pick<Options, 'systemPrompt'> {
  const { appendSystemPrompt } = turn.claude
  const instruction = clientTools.instruction()
  const texts = [
    ...turn.instructions,
    ...(appendSystemPrompt === undefined ? [] : [appendSystemPrompt]),
    ...(instruction === undefined ? [] : [instruction]),
    // The API refuses a blank text.
  ].filter((text) => text.trim() !== '')
  const fresh = resume !== undefined && texts.length > 0 ? { snapshot: false } : {}
  if (agentic) {
    const append = texts.length > 0 ? { append: texts.join('\n\n') } : {}
    return { systemPrompt: { type: 'preset', preset: 'claude_code', ...append, ...fresh } }
  }
  return texts.length > 0 ? { systemPrompt: { type: 'custom', prompt: texts, ...fresh } } : {}
}

function mcpServers({ mcpServers: others, clientTools }: Decisions): Pick<Options, 'mcpServers'> {
  const servers = { ...others, ...clientTools.server() }
  return Object.keys(servers).length > 0 ? { mcpServers: servers } : {}
}
