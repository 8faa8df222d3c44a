import type { FilePart } from './message.ts'

/**
 * What a caller may ask of Claude Code itself: the request field `claude_options`, checked and with every default filled
 * in. `model` and `effort` are not here: they win over the request's own fields and are already folded into the `Turn`.
 */
export type ClaudeOptions = {
  /** Built-in tools that may run without asking, in Claude Code's rule syntax (`Read`, `Bash(git *)`). Empty: none. */
  tools: string[]
  /** Tools or rules that are refused whatever else allows them. */
  disallowedTools: string[]
  /** Resume this session; only the messages after the last assistant message are sent. */
  sessionId?: string
  /** Continue the caller's most recent session in the working folder; a new one when there is none. */
  continue: boolean
  /** Whether the session is kept; absent: as the server is set. */
  keepSession?: boolean
  /** What to do while the session answers another request; absent: wait. */
  sessionBusy?: 'wait' | 'refuse'
  /** What the content of the answer is: the text, one JSON document, or one JSON event a line. */
  outputFormat: 'text' | 'json' | 'stream-json'
  /** Write Claude Code's debug log for this request to a file of its own. */
  debug: boolean
  /** The folder that the tools work in, as the caller wrote it (not resolved, not checked). */
  workingDir?: string
  /** Load the project's settings and CLAUDE.md from the working folder. */
  projectSettings: boolean
  /** MCP servers in Claude Code's format, names of configured servers, or a file in the workspace. */
  mcpConfig?: McpRequest
  /** Files whose content goes into the prompt: paths (globs allowed) relative to the working folder, and uploaded ones. */
  files: (string | FilePart)[]
  /** Pictures: paths in the workspace, `data:` URLs or http(s) URLs. */
  images: string[]
  /** Run every tool use that the policy allows without asking; without `tools`, the default tool set is on. */
  autoAllowPermissions: boolean
  /** Added to the end of the system prompt. */
  appendSystemPrompt?: string
  /** The most model round trips of this request. */
  maxTurns?: number
  /** The most US dollars that this request may cost. */
  maxBudgetUsd?: number
  /** More folders that the tools may use; each must lie inside the workspace roots. */
  addDirs: string[]
  /** Subagents, in Claude Code's format. */
  agents?: Record<string, AgentDefinition>
  /** The most seconds that the whole turn may take. */
  timeoutSeconds?: number
  /** Show each tool use and its result in a `claude` extension field of the answer. */
  includeActivity: boolean
  /** Let other providers answer, without what only Claude Code can do, when it cannot. */
  allowDegraded: boolean
  /** Whether an answer may come from the cache and go into it; absent: as the server is set. */
  cache?: 'exact' | 'off'
}

/** A subagent as Claude Code defines it. */
export type AgentDefinition = {
  description: string
  prompt: string
  tools?: string[]
  disallowedTools?: string[]
  model?: string
}

/** One MCP server in Claude Code's own format (`.mcp.json`). */
export type McpServer =
  | { type?: 'stdio'; command: string; args?: string[]; env?: Record<string, string> }
  | { type: 'http' | 'sse'; url: string; headers?: Record<string, string> }

/** The three ways in which a request names MCP servers. */
export type McpRequest =
  | { type: 'servers'; servers: Record<string, McpServer> }
  | { type: 'names'; names: string[] }
  | { type: 'file'; path: string }

/** `claude_options` when the caller gave none. */
export const defaultClaudeOptions: ClaudeOptions = {
  tools: [],
  disallowedTools: [],
  continue: false,
  outputFormat: 'text',
  debug: false,
  projectSettings: false,
  files: [],
  images: [],
  autoAllowPermissions: false,
  addDirs: [],
  includeActivity: false,
  allowDegraded: false,
}
