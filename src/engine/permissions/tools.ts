/** What the text in a rule's brackets means for a tool: `Bash(git *)` a command, `Read(src/**)` a path. */
export type RuleContent = 'command' | 'path' | 'domain' | 'name' | 'none'

/** A tool that requests may use. `input` names the fields that a rule's content and the workspace policy look at. */
export type OfferedTool = {
  offered: true
  /** On when a request gives `auto_allow_permissions` and no `tools`. */
  default: boolean
  content: RuleContent
  input: readonly string[]
  /** Changes the files that its input names. */
  writes?: true
}

/** A tool of Claude Code that no request may use, and why. */
export type RefusedTool = { offered: false; why: string }

const needsPerson = 'it asks a person, and nobody sits before this server'
const outlives = 'its work would outlive the request'
const leaves = 'it works outside the working folder'
const reaches = 'it reaches other sessions of this machine'

/**
 * Every built-in tool of the `claude` binary that this release is tested with (a contract test asks the binary). A tool that
 * is not here is unknown and never runs.
 */
export const toolTable = {
  Agent: on('name', ['subagent_type']),
  Bash: on('command', ['command']),
  Edit: { ...on('path', ['file_path']), writes: true },
  Glob: on('path', ['path', 'pattern']),
  Grep: on('path', ['path']),
  NotebookEdit: { ...on('path', ['notebook_path']), writes: true },
  Read: on('path', ['file_path']),
  Skill: on('name', ['skill']),
  WebFetch: on('domain', ['url']),
  WebSearch: on('none', []),
  Write: { ...on('path', ['file_path']), writes: true },
  TaskCreate: onRequest(),
  TaskGet: onRequest(),
  TaskList: onRequest(),
  TaskStop: onRequest(),
  TaskUpdate: onRequest(),
  ToolSearch: onRequest(),
  AskUserQuestion: refused(needsPerson),
  EnterPlanMode: refused(needsPerson),
  ExitPlanMode: refused(needsPerson),
  ReportFindings: refused(needsPerson),
  CronCreate: refused(outlives),
  CronDelete: refused(outlives),
  CronList: refused(outlives),
  Monitor: refused(outlives),
  PushNotification: refused(outlives),
  RemoteTrigger: refused(outlives),
  ScheduleWakeup: refused(outlives),
  Workflow: refused(outlives),
  EnterWorktree: refused(leaves),
  ExitWorktree: refused(leaves),
  ListAgents: refused(reaches),
  SendMessage: refused(reaches),
  PowerShell: refused('its commands cannot be confined; use Bash'),
} as const satisfies Record<string, OfferedTool | RefusedTool>

export type ToolName = keyof typeof toolTable

/** Names of earlier releases of Claude Code, and what does their work now. */
export const formerNames: Readonly<Record<string, string>> = {
  BashOutput: 'TaskStop',
  KillBash: 'TaskStop',
  KillShell: 'TaskStop',
  LS: 'Glob',
  MultiEdit: 'Edit',
  NotebookRead: 'Read',
  Task: 'Agent',
  TodoRead: 'TaskList',
  TodoWrite: 'TaskCreate',
}

/** The names that a request may list, for messages. */
export const offeredNames: readonly string[] = Object.entries(toolTable)
  .filter(([, tool]) => tool.offered)
  .map(([name]) => name)

/** The names that are on by default with `auto_allow_permissions`. */
export const defaultNames: readonly string[] = offeredNames.filter(
  (name) => offeredTool(name)?.default,
)

export function knownTool(name: string): OfferedTool | RefusedTool | undefined {
  return Object.hasOwn(toolTable, name) ? toolTable[name as ToolName] : undefined
}

export function offeredTool(name: string): OfferedTool | undefined {
  const tool = knownTool(name)
  return tool?.offered ? tool : undefined
}

function on(content: RuleContent, input: readonly string[]): OfferedTool {
  return { offered: true, default: true, content, input }
}

function onRequest(): OfferedTool {
  return { offered: true, default: false, content: 'none', input: [] }
}

function refused(why: string): RefusedTool {
  return { offered: false, why }
}
