import { matchesCommand, simpleCommands } from './command.ts'
import { matchesPath, type PatternBase } from './path-pattern.ts'
import { isMcpRule, matchesMcpTool, type Rule } from './rules.ts'
import { offeredTool } from './tools.ts'

/** One use of a tool, as the model asked for it. */
export type ToolUse = { tool: string; input: Readonly<Record<string, unknown>> }

/** A use with the paths of its input, links resolved; a search has the folder that it begins in. */
export type JudgedUse = ToolUse & { paths: readonly string[] }

/** Which tools a `Read(…)` or `Edit(…)` that denies speaks of, by Claude Code's reading. */
const families: Readonly<Record<string, readonly string[]>> = {
  Read: ['Read', 'Glob', 'Grep'],
  Edit: ['Edit', 'NotebookEdit', 'Write'],
}

/** Whether a list of rules covers the whole use: each path, and each command of a shell line, by one rule or another. */
export function covers(rules: readonly Rule[], use: JudgedUse, base: PatternBase): boolean {
  if (use.tool.startsWith('mcp__')) {
    const mcp = rules.filter(isMcpRule)
    return mcp.length === 0 || mcp.some((rule) => matchesMcpTool(rule, use.tool))
  }
  const own = rules.filter((rule) => rule.tool === use.tool)
  if (own.some((rule) => rule.content === undefined)) return true
  const contents = own.flatMap((rule) => rule.content ?? [])
  return contents.length > 0 && coversContent(contents, use, base)
}

/** Whether a rule refuses the use. Shell lines are left to Claude Code's own matcher, which also looks into substitutions. */
export function denies(rule: Rule, use: JudgedUse, base: PatternBase): boolean {
  if (isMcpRule(rule)) return matchesMcpTool(rule, use.tool)
  if (rule.content === undefined) return rule.tool === use.tool
  const tools = families[rule.tool] ?? [rule.tool]
  if (!tools.includes(use.tool) || offeredTool(use.tool)?.content === 'command') return false
  return use.paths.length > 0
    ? use.paths.some((path) => matchesPath(rule.content ?? '', path, base))
    : coversContent([rule.content], use, base)
}

function coversContent(contents: readonly string[], use: JudgedUse, base: PatternBase): boolean {
  const tool = offeredTool(use.tool)
  const [field = ''] = tool?.input ?? []
  const value = use.input[field]
  switch (tool?.content) {
    case 'command': {
      const commands = typeof value === 'string' ? simpleCommands(value) : undefined
      return (
        commands?.every((command) =>
          contents.some((pattern) => matchesCommand(pattern, command)),
        ) ?? false
      )
    }
    case 'path':
      return (
        use.paths.length > 0 &&
        use.paths.every((path) => contents.some((pattern) => coversPath(pattern, path, use, base)))
      )
    case 'domain':
      return typeof value === 'string' && contents.some((content) => matchesDomain(content, value))
    case 'name':
      return typeof value === 'string' && contents.includes(value)
    case 'none':
    case undefined:
      return false
  }
}

/** A search in a folder is covered by a rule for what is in the folder: `Grep(src/**)` and `src`. */
function coversPath(pattern: string, path: string, use: JudgedUse, base: PatternBase): boolean {
  const search = use.tool === 'Glob' || use.tool === 'Grep'
  return (
    matchesPath(pattern, path, base) ||
    (search && pattern.endsWith('/**') && matchesPath(pattern, `${path}/_`, base))
  )
}

/** `domain:example.com` is that host alone, `domain:*.example.com` those below it. */
function matchesDomain(content: string, url: string): boolean {
  if (!URL.canParse(url)) return false
  const domain = content.slice('domain:'.length).toLowerCase()
  const { hostname } = new URL(url)
  return (
    domain === '*' ||
    hostname === domain ||
    (domain.startsWith('*.') && hostname.endsWith(domain.slice(1)))
  )
}
