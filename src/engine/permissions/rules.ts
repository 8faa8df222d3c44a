import { TurnError } from '../../turn/error.ts'
import { formerNames, knownTool, offeredNames, offeredTool } from './tools.ts'

/** A permission rule in Claude Code's syntax: a tool's name, and in brackets which uses of it. */
export type Rule = {
  /** As Claude Code is to read it. */
  text: string
  /** A built-in tool, or a pattern of MCP tools (`mcp__server`, `mcp__server__*`, `mcp__server__tool`). */
  tool: string
  /** Absent: every use. */
  content?: string
}

/** Which list a rule stands in: an unavailable tool may be disallowed, but not asked for. */
export type RuleList = { field: string; purpose: 'allow' | 'deny' }

const shape = /^([A-Za-z]\w*)(?:\(([^\0\n]+)\))?$/
const mcpShape = /^mcp__(?:\*|[\w-]+?(?:__(?:\*|[\w-]+))?)$/

/** Reads the rules of one list; throws a 400 naming the entry, what is wrong, and the tools there are. */
export function parseRules(texts: readonly string[], list: RuleList): Rule[] {
  return texts.map((text, index) => parseRule(text.trim(), `${list.field}[${index}]`, list.purpose))
}

export function isMcpRule(rule: Rule): boolean {
  return rule.tool.startsWith('mcp__')
}

/** Whether an MCP rule names this tool (`mcp__server__tool`). */
export function matchesMcpTool(rule: Rule, tool: string): boolean {
  if (rule.tool === 'mcp__*' || rule.tool === tool) return true
  const server = rule.tool.endsWith('__*') ? rule.tool.slice(0, -3) : rule.tool
  return tool.startsWith(`${server}__`)
}

function parseRule(text: string, param: string, purpose: RuleList['purpose']): Rule {
  if (text.startsWith('mcp__')) {
    if (mcpShape.test(text)) return { text, tool: text }
    throw wrong(param, text, 'is not an MCP tool; write mcp__server or mcp__server__tool')
  }
  const match = shape.exec(text)
  if (!match?.[1])
    throw wrong(
      param,
      text,
      'is not a rule; write a tool name, or a tool name with a rule, such as Bash(git *)',
    )
  const tool = rename(match[1], purpose)
  // `Bash(*)` is how Claude Code writes "every use".
  const content = match[2]?.trim() === '*' ? undefined : match[2]?.trim()
  checkTool(tool, content, { param, text, purpose })
  return content === undefined
    ? { text: tool, tool }
    : { text: `${tool}(${content})`, tool, content }
}

/** `Task` is what Claude Code itself still calls the Agent tool in places; a removed tool that is disallowed harms nobody. */
function rename(name: string, purpose: RuleList['purpose']): string {
  return name === 'Task' || purpose === 'deny' ? (formerNames[name] ?? name) : name
}

function checkTool(
  name: string,
  content: string | undefined,
  at: { param: string; text: string; purpose: RuleList['purpose'] },
): void {
  const tool = knownTool(name)
  if (!tool) {
    const now = Object.hasOwn(formerNames, name) ? `; use ${formerNames[name]} instead of it` : ''
    throw wrong(at.param, at.text, `names no tool of this Claude Code${now}`)
  }
  if (!tool.offered && at.purpose === 'allow')
    throw wrong(at.param, at.text, `cannot be used here: ${tool.why}`)
  if (content === undefined) return
  const kind = offeredTool(name)?.content ?? 'none'
  if (kind === 'none')
    throw wrong(at.param, at.text, `has a rule in brackets, and ${name} takes none`)
  if (kind === 'domain' && !/^domain:[\w.*-]+$/.test(content)) {
    throw wrong(at.param, at.text, `has a rule that is not of the form ${name}(domain:example.com)`)
  }
}

function wrong(param: string, text: string, problem: string): TurnError {
  const known = `The tools are ${offeredNames.join(', ')}, and mcp__server__tool.`
  return new TurnError('invalid_value', `${param}: ${JSON.stringify(text)} ${problem}. ${known}`, {
    param,
  })
}
