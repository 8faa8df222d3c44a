import { covers, denies, type JudgedUse, type ToolUse } from './coverage.ts'
import { type FilePlace, pathRefusal, pathsOf } from './file-access.ts'
import type { Rule } from './rules.ts'
import { offeredTool } from './tools.ts'
import { type WebPolicy, webRefusal } from './web-address.ts'

export type WallOptions = {
  /** The built-in tools that are on. */
  tools: ReadonlySet<string>
  /** The caller's rules and the owner's: every list must cover a use. */
  allow: readonly (readonly Rule[])[]
  deny: readonly Rule[]
  place: FilePlace
  web: WebPolicy
}

/**
 * Judges one use of a tool: why it is refused, or nothing. `resultsFolder` is where Claude Code keeps this session's long tool
 * results. Never throws: what cannot be judged is refused.
 */
export type Wall = (use: ToolUse, resultsFolder?: string) => Promise<string | undefined>

/** How Claude Code hands over a structured answer; it touches nothing. */
const answerTool = 'StructuredOutput'

/** The wall before every use of every tool, in the main conversation and in subagents alike. */
export function createWall(options: WallOptions): Wall {
  return async (use, resultsFolder) => {
    try {
      return await judge(use, options, resultsFolder)
    } catch (error) {
      return `its input could not be checked (${error instanceof Error ? error.message : 'unknown fault'})`
    }
  }
}

async function judge(
  use: ToolUse,
  options: WallOptions,
  resultsFolder: string | undefined,
): Promise<string | undefined> {
  const { place } = options
  if (use.tool === answerTool) return undefined
  const isMcp = use.tool.startsWith('mcp__')
  if (!isMcp && !(options.tools.has(use.tool) && offeredTool(use.tool)))
    return `${use.tool} is not among the tools of this request`
  const judged: JudgedUse = { ...use, paths: await pathsOf(use, place) }
  const denied = options.deny.find((rule) => denies(rule, judged, place))
  if (denied) return `${denied.text} is disallowed in this request`
  const narrow = options.allow.find((rules) => !covers(rules, judged, place))
  if (narrow) return `only these uses are allowed: ${usesOf(narrow, use.tool)}`
  for (const path of judged.paths) {
    const refusal = await pathRefusal(path, use, place, resultsFolder)
    if (refusal !== undefined) return refusal
  }
  return useRefusal(use, options)
}

async function useRefusal(
  { tool, input }: ToolUse,
  options: WallOptions,
): Promise<string | undefined> {
  if (tool === 'WebFetch') return webRefusal(String(input.url), options.web)
  if (tool === 'Bash' && input.run_in_background === true)
    return 'commands must end within the request; run it in the foreground'
  if (tool === 'Agent' && input.isolation !== undefined)
    return 'subagents work in the working folder; leave isolation out'
  return undefined
}

function usesOf(rules: readonly Rule[], tool: string): string {
  const mcp = tool.startsWith('mcp__')
  const texts = rules
    .filter((rule) => (mcp ? rule.tool.startsWith('mcp__') : rule.tool === tool))
    .map((rule) => rule.text)
  return texts.length > 0 ? texts.join(', ') : 'none of this tool'
}
